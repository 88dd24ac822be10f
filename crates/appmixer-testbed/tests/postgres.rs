//! The test bed itself.

use appmixer_testbed::Postgres;

#[test]
fn an_instance_that_is_killed_or_stopped_comes_back_with_what_was_committed() {
    let postgres = Postgres::start();
    let url = postgres.database();
    let database = url.rsplit('/').next().unwrap();
    postgres.psql(database, "CREATE TABLE kept (number INTEGER)");
    for number in 1..=2 {
        postgres.psql(database, &format!("INSERT INTO kept VALUES ({number})"));
        if number == 1 {
            postgres.kill();
        } else {
            postgres.stop();
        }
        postgres.start_again();
        assert_eq!(postgres.psql(database, "SELECT count(*) FROM kept"), number.to_string());
    }
}
