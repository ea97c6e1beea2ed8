//! Values of an answer, judged one by one.

use client_kit::wire::whole;
use serde_json::Value;

/// How much of a wrong value is repeated.
const SHOWN_CHARS_MAX: usize = 60;

/// An integer that is not negative and fits; it may be written as a float
/// without a fraction. Nothing when it is absent or `null`.
///
/// # Errors
/// What is wrong, with the name.
pub fn unsigned<T: TryFrom<u64>>(name: &str, value: &Value) -> Result<Option<T>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let integer = value.as_u64().or_else(|| whole(value.as_f64()?));
    let fits = integer.and_then(|integer| T::try_from(integer).ok());
    fits.map(Some).ok_or_else(|| {
        format!(
            "{name} is {}, no integer that is expected there",
            shown(value)
        )
    })
}

/// An average, rounded down to an integer that fits. Nothing when it is absent or `null`.
///
/// # Errors
/// What is wrong, with the name.
pub fn average<T: TryFrom<u64>>(name: &str, value: &Value) -> Result<Option<T>, String> {
    match value.as_f64() {
        Some(float) if float >= 0.0 => unsigned(name, &Value::from(float.floor())),
        _ => unsigned(name, value),
    }
}

/// A truth value; nothing when it is absent or `null`.
///
/// # Errors
/// What is wrong, with the name.
pub fn boolean(name: &str, value: &Value) -> Result<Option<bool>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(*value)),
        value => Err(format!(
            "{name} is {}, neither true nor false",
            shown(value)
        )),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        value => value.to_string().chars().take(SHOWN_CHARS_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_integer_may_be_written_as_a_float() {
        for (value, expected) in [
            (json!(null), Ok(None)),
            (json!(0), Ok(Some(0))),
            (json!(65_535), Ok(Some(65_535))),
            (json!(81.0), Ok(Some(81))),
            (json!(1.5e3), Ok(Some(1_500))),
            (json!(-0.0), Ok(Some(0))),
            (
                json!(65_536),
                Err("kills is 65536, no integer that is expected there"),
            ),
            (
                json!(-1),
                Err("kills is -1, no integer that is expected there"),
            ),
            (
                json!(0.5),
                Err("kills is 0.5, no integer that is expected there"),
            ),
            (
                json!(1e300),
                Err("kills is 1e+300, no integer that is expected there"),
            ),
            (
                json!("7"),
                Err("kills is \"7\", no integer that is expected there"),
            ),
            (
                json!([7]),
                Err("kills is an array, no integer that is expected there"),
            ),
        ] {
            let read = unsigned::<u16>("kills", &value);
            assert_eq!(read, expected.map_err(str::to_owned), "{value}");
        }
        for (value, expected) in [
            (json!(null), Ok(None)),
            (json!(81), Ok(Some(81))),
            (json!(53.9), Ok(Some(53))),
            (
                json!(-0.5),
                Err("kills is -0.5, no integer that is expected there"),
            ),
            (
                json!("81"),
                Err("kills is \"81\", no integer that is expected there"),
            ),
        ] {
            let read = average::<u8>("kills", &value);
            assert_eq!(read, expected.map_err(str::to_owned), "{value}");
        }
        let beyond = unsigned::<u64>("logo", &json!(18_446_744_073_709_551_615_u64));
        assert_eq!(beyond, Ok(Some(u64::MAX)));
    }

    #[test]
    fn what_is_wrong_is_shown_in_part() {
        let wrong = boolean("radiant_win", &json!("x".repeat(1_000))).expect_err("no truth value");
        assert!(wrong.len() < 120, "{wrong}");
        assert_eq!(boolean("radiant_win", &json!(true)), Ok(Some(true)));
        assert_eq!(boolean("radiant_win", &json!(null)), Ok(None));
    }
}
