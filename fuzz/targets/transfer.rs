//! Files of users: records in any form, and users that read back as they were written.

#![no_main]

use appmixer_transfer::{Format, ReadOptions, Records, read_user, write_user};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for record in Records::new(bytes) {
        let record = record.expect("memory can be read");
        let Ok(text) = record.text else { continue };
        for format in [None, Some(Format::Own), Some(Format::Mongo)] {
            let Ok(read) = read_user(&text, &ReadOptions { format, locked: None }) else { continue };
            let mut line = Vec::new();
            write_user(&mut line, &read.user).expect("memory can be written");
            let own = ReadOptions { format: Some(Format::Own), locked: None };
            let again = read_user(&line, &own).expect("our own form can be read");
            assert!(again.unknown.is_empty());
            let mut second = Vec::new();
            write_user(&mut second, &again.user).expect("memory can be written");
            assert_eq!(line, second, "a user reads back as it was written");
        }
    }
});
