//! Deadlines hold: until there is an answer the call's own, from then on those of its provider.

use std::time::Duration;

use super::Finding;
use crate::clients::Told;
use crate::gateway::configured;
use crate::world::Run;

const RULE: &str = "deadlines";
const GRACE: Duration = Duration::from_secs(1);

pub(super) fn check(run: &Run) -> Vec<Finding> {
    run.calls.iter().filter_map(|told| Some(Finding::of(RULE, told.number, fault(told)?))).collect()
}

fn fault(told: &Told) -> Option<String> {
    let answered = told.replied.as_ref().map_or(told.ended, |replied| replied.at);
    if answered > told.deadline + GRACE {
        return Some(format!("nothing until {answered:?}, and the deadline was {:?}", told.deadline));
    }
    // The attempt began before there was an answer, so this is generous.
    let longest = configured::TOTAL + configured::IDLE + told.paused + GRACE;
    (told.ended > answered + longest).then(|| format!("begun at {answered:?}, and not over before {:?}", told.ended))
}
