//! Members that may be of a wrong type without making an answer unreadable: such a member counts as missing.
//!
//! For `#[serde(default, deserialize_with = "..")]`. Only what is not JSON at all still fails.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::codec;

/// A text.
pub(super) fn text<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(match Scalar::deserialize(from)? {
        Scalar::Text(text) => Some(text),
        _ => None,
    })
}

/// A count, by the rules of [`codec::count`].
pub(super) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(match Scalar::deserialize(from)? {
        Scalar::Whole(number) => codec::count(Some(&number.into())),
        _ => None,
    })
}

/// `true`; everything else is `false`.
pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(matches!(Scalar::deserialize(from)?, Scalar::Flag(true)))
}

/// An object.
pub(super) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    from.deserialize_any(ObjectVisitor(PhantomData))
}

/// An array of objects. Elements that are none are left out.
pub(super) fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_any(ListVisitor(PhantomData))
}

enum Scalar<'a> {
    Text(Cow<'a, str>),
    Whole(u64),
    Flag(bool),
    Other,
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(items).map(|_| Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(members).map(|_| Scalar::Other)
    }
}

struct Object<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        object(from).map(Self)
    }
}

/// What a visitor does with values that are not the ones it is for.
macro_rules! nothing_from {
    ($nothing:expr; $($visit:ident($type:ty))*) => {
        $(fn $visit<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok($nothing)
        })*

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
    };
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    nothing_from! { None; visit_str(&str) visit_bool(bool) visit_u64(u64) visit_i64(i64) visit_f64(f64) }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(items).map(|_| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Some)
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    nothing_from! { Vec::new(); visit_str(&str) visit_bool(bool) visit_u64(u64) visit_i64(i64) visit_f64(f64) }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Object(item)) = items.next_element()? {
            list.extend(item);
        }
        Ok(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(members).map(|_| Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Sample<'a> {
        #[serde(borrow, deserialize_with = "text")]
        word: Option<Cow<'a, str>>,
        #[serde(deserialize_with = "count")]
        number: Option<u64>,
        #[serde(deserialize_with = "flag")]
        switch: bool,
        #[serde(borrow, deserialize_with = "object")]
        inner: Option<Box<Sample<'a>>>,
        #[serde(borrow, deserialize_with = "list")]
        items: Vec<Sample<'a>>,
    }

    #[test]
    fn right_types_are_read_and_texts_without_escapes_are_borrowed() {
        let json = r#"{"word":"a","number":7,"switch":true,"inner":{"word":"\n"},"items":[{"number":1},{}]}"#;
        let sample: Sample<'_> = serde_json::from_str(json).unwrap();
        assert!(matches!(sample.word, Some(Cow::Borrowed("a"))));
        assert_eq!((sample.number, sample.switch), (Some(7), true));
        assert_eq!(sample.inner.unwrap().word.as_deref(), Some("\n"));
        assert_eq!(sample.items.len(), 2);
    }

    #[test]
    fn a_wrong_type_counts_as_missing() {
        for wrong in ["null", "true", "-1", "1.5", "99999999999", "\"\"", "[]", "[[1],{}]", "{}", "{\"word\":[{}]}"] {
            let json =
                format!(r#"{{"word":{wrong},"number":{wrong},"switch":{wrong},"inner":{wrong},"items":{wrong}}}"#);
            let sample: Sample<'_> = serde_json::from_str(&json).unwrap();
            assert!(sample.word.is_none_or(|word| word.is_empty()), "{wrong}");
            assert_eq!(sample.number, None, "{wrong}");
        }
    }

    #[test]
    fn elements_that_are_no_objects_are_left_out() {
        let sample: Sample<'_> = serde_json::from_str(r#"{"items":[1,"a",null,[],{"number":2}]}"#).unwrap();
        assert_eq!(sample.items, [Sample { number: Some(2), ..Sample::default() }]);
    }

    #[test]
    fn what_is_no_json_fails() {
        for json in [r#"{"word":}"#, r#"{"items":[{]}"#, r#"{"inner":{"word":"a}"#] {
            assert!(serde_json::from_str::<Sample<'_>>(json).is_err(), "{json}");
        }
    }
}
