//! Did you mean.

/// The candidate that a typing error would turn into `name`, if one is near enough.
pub(super) fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_near_name_and_leaves_far_ones_alone() {
        let names = ["listen", "admin_listen", "deadline"];
        assert_eq!(suggest("lisetn", names), Some("listen".into()));
        assert_eq!(suggest("dead_line", names), Some("deadline".into()));
        assert_eq!(suggest("colour", names), None);
    }
}
