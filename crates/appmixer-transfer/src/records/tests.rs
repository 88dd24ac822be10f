//! What is cut out of files, good and broken.

use std::fmt::Write as _;
use std::io::{BufReader, Cursor};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What each record is, by line: a JSON value, or the reason. With small buffers, so that everything comes
/// in pieces.
fn cut(text: &[u8]) -> Vec<(u64, Result<Value, Reason>)> {
    let all = |capacity| {
        Records::new(BufReader::with_capacity(capacity, Cursor::new(text.to_vec())))
            .map(|record| record.unwrap())
            .map(|record| {
                (record.line, record.text.map(|text| serde_json::from_slice(&text).unwrap_or_default()))
            })
            .collect::<Vec<_>>()
    };
    let outcome = all(1 << 16);
    if text.len() < 10_000 {
        assert_eq!(all(4), outcome);
    }
    outcome
}

fn lines_of_good(text: &[u8]) -> Vec<u64> {
    cut(text)
        .into_iter()
        .filter(|(_, record)| record.as_ref().is_ok_and(Value::is_object))
        .map(|(line, _)| line)
        .collect()
}

#[test]
fn a_record_a_line_an_array_and_objects_over_several_lines_are_all_read() {
    let (one, two) = (json!({"_id": 1, "a": "}{\"\\"}), json!({"_id": 2, "b": {"c": [{}]}}));
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    for (text, second) in [
        (format!("{one}\n{two}\n"), 2),
        (format!("\u{feff}\r\n\n{one}\r\n\n \t{two}"), 5),
        (format!("[{one},{two}]"), 1),
        (format!("[\n{one},\n{two}\n]\n"), 3),
        (format!("[{},{}]", pretty(&one), pretty(&two)), 4),
        (format!("{}\n{}\n", pretty(&one), pretty(&two)), 5),
    ] {
        let records = cut(text.as_bytes());
        let values: Vec<_> = records.iter().map(|(_, record)| record.clone().unwrap()).collect();
        assert_eq!(values, [one.clone(), two.clone()], "{text}");
        assert_eq!(records[1].0, second, "{text}");
    }
    for empty in ["", "\n \n", "[]", " [ ] \n"] {
        assert_eq!(cut(empty.as_bytes()), []);
    }
}

#[test]
fn behind_a_broken_line_it_goes_on_with_the_next() {
    let long = "x".repeat(MAX_RECORD_BYTES);
    let text = [
        r#"{"id":1}"#.as_bytes(),
        br#"{"id":2,"a":"#,
        br#"{"id":3,"a":"unended}"#,
        b"\xff\xfe{}",
        format!(r#"{{"id":5,"a":"{long}"}}"#).as_bytes(),
        br#"{"id":6}"#,
    ]
    .join(&b'\n');
    assert_eq!(lines_of_good(&text), [1, 6]);
    assert_eq!(cut(&text)[4], (5, Err(Reason::TooLong)));
}

#[test]
fn behind_a_broken_element_of_an_array_it_goes_on_with_the_next() {
    for broken in [
        r#"{"_id":2,"a"}"#,
        r#"{"_id":2,"a":"unended}"#,
        r#"{"_id":2,"a":{"b":1}"#,
        r#"{"_id":2,"a":1}}"#,
        "rubbish",
        r#""text""#,
        "7",
    ] {
        let text = format!("[{{\"_id\":1}},\n{broken},\n{{\"_id\":3}},\n{{\"_id\":4,\"a\":\"\\\"\"}}]\n");
        // With a brace too many, the element itself is whole.
        let good: Vec<_> = lines_of_good(text.as_bytes()).into_iter().filter(|line| *line != 2).collect();
        assert_eq!(good, [1, 3, 4], "{broken}");
        let flaws: Vec<_> = cut(text.as_bytes()).into_iter().filter(|(_, record)| record.is_err()).collect();
        assert_eq!(flaws[0].0, 2, "{broken}: {flaws:?}");
    }
}

#[test]
fn an_element_that_is_too_long_is_left_out_whether_or_not_it_ends() {
    let long = "x".repeat(3 * MAX_RECORD_BYTES);
    for (element, flaw) in [
        (format!(r#"{{"_id":2,"a":"{long}"}}"#), Reason::TooLong),
        (format!(r#"{{"_id":2,"a":"{long}}}"#), Reason::TooLong),
    ] {
        let mut text = format!("[{{\"_id\":1}},\n{element}");
        for number in 3..100_000 {
            write!(text, ",\n{{\"_id\":{number}}}").unwrap();
        }
        let records = cut(format!("{text}\n]").as_bytes());
        assert!(records.iter().any(|(line, record)| *line == 2 && record.is_err()), "{flaw:?}");
        let good = records.iter().filter(|(_, record)| record.is_ok()).count();
        assert_eq!(good, 99_998);
    }
}

#[test]
fn a_file_that_was_cut_off_says_so() {
    for (text, good) in [
        ("[{\"_id\":1},\n{\"_id\":2", vec![1]),
        ("[{\"_id\":1},\n{\"_id\":2}", vec![1, 2]),
        ("[{\"_id\":1},\n", vec![1]),
        ("[", vec![]),
        ("{\n\"_id\":1}\n{\n\"_id\"", vec![1]),
    ] {
        assert_eq!(lines_of_good(text.as_bytes()), good, "{text}");
        assert_eq!(cut(text.as_bytes()).last().unwrap().1, Err(Reason::CutOff), "{text}");
    }
}

fn record() -> impl Strategy<Value = Value> {
    ("\\PC{0,12}", any::<i64>(), "[{}\\[\\]\",\\\\:]{0,8}")
        .prop_map(|(key, number, text)| json!({"_id": number, "text": text, "more": {key: [number]}}))
}

proptest! {
    #[test]
    fn whatever_was_joined_is_cut_into_the_same(records in prop::collection::vec(record(), 0..8), form in 0..4) {
        let texts: Vec<_> = records.iter().map(|record| match form {
            0 | 1 => record.to_string(),
            _ => serde_json::to_string_pretty(record).unwrap(),
        }).collect();
        let text = match form {
            1 | 2 => format!("[{}]", texts.join(",")),
            _ => texts.join("\n"),
        };
        let values: Vec<_> = cut(text.as_bytes()).into_iter().map(|(_, record)| record.unwrap()).collect();
        prop_assert_eq!(values, records);
    }

    #[test]
    fn no_bytes_panic_or_hang(bytes: Vec<u8>) {
        cut(&bytes);
    }

    #[test]
    fn no_almost_json_panics_or_hangs(text in "(\\[|\\{|\\}|\\]|,|\"|\\\\|:|\n|\"_id\"|\\},\\{\"id\"|1|x){0,60}") {
        cut(text.as_bytes());
    }

    /// One byte is wrong: at most its own record is lost, and the one that it may run into.
    #[test]
    fn a_wrong_byte_loses_no_more_than_two_records(
        records in prop::collection::vec(record(), 1..8), at: prop::sample::Index, byte: u8, lines: bool,
    ) {
        let texts: Vec<_> = records.iter().map(Value::to_string).collect();
        let mut text = if lines { texts.join("\n") } else { format!("[{}]", texts.join(",")) }.into_bytes();
        let at = at.index(text.len());
        // The first bytes say how the file is laid out.
        prop_assume!(at > 1);
        text[at] = byte;
        let good = cut(&text).into_iter().filter(|(_, record)| record.as_ref().is_ok_and(|value| records.contains(value)));
        prop_assert!(good.count() + 2 >= records.len());
    }
}
