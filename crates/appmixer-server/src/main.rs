//! `appmixer-server`: a self-hosted authentication server for products that embed Appmixer.

use std::process::ExitCode;

fn main() -> ExitCode {
    appmixer_program::run()
}
