//! What the system knows of this process, as Prometheus's own clients name it, and what it shows of it to others.

use std::fs;
use std::path::Path;

use appmixer_metrics::{Kind, Page};
use rustix::fs::statvfs;
use rustix::param::clock_ticks_per_second;
use rustix::process::{DumpableBehavior, Resource, getrlimit, set_dumpable_behavior};

/// Keeps the memory, which has keys and passwords, out of core dumps and away from other processes of the same user.
/// Root can still attach a debugger.
pub(crate) fn hide_memory() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::debug!(%error, "the memory of the process can be dumped");
    }
}

/// Of `/proc/self`; where there is none, nothing is told.
pub(crate) fn write(page: &mut Page) {
    if let Ok(stat) = fs::read_to_string("/proc/self/stat")
        && let Some(times) = cpu_seconds(&stat)
    {
        page.family(
            "process_cpu_seconds_total",
            Kind::Counter,
            "The time that the process has used of all cores.",
        )
        .sample(&[], times);
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        if let Some(kib) = field(&status, "VmRSS:") {
            page.family("process_resident_memory_bytes", Kind::Gauge, "The memory that the process has.")
                .sample(&[], kib * 1024.0);
        }
        if let Some(threads) = field(&status, "Threads:") {
            page.family("process_threads", Kind::Gauge, "The threads of the process.").sample(&[], threads);
        }
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let open = u32::try_from(open.count()).unwrap_or(u32::MAX);
        // The one that lists them is among them.
        page.family("process_open_fds", Kind::Gauge, "Open files, with sockets.")
            .sample(&[], f64::from(open) - 1.0);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.family("process_max_fds", Kind::Gauge, "The most files that may be open.")
            .sample(&[], float(most));
    }
}

/// Of the disk that a folder is on, and of files that stand there.
pub(crate) fn write_disk(page: &mut Page, folder: &Path, database: Option<&Path>) {
    if let Ok(disk) = statvfs(folder) {
        let bytes = |blocks: u64| float(blocks.saturating_mul(disk.f_frsize));
        page.family(
            "appmixer_disk_free_bytes",
            Kind::Gauge,
            "What is free for the server where its data is.",
        )
        .sample(&[], bytes(disk.f_bavail));
        page.family("appmixer_disk_size_bytes", Kind::Gauge, "The size of the disk where the data is.")
            .sample(&[], bytes(disk.f_blocks));
    }
    let Some(database) = database else { return };
    let size = |path: &Path| fs::metadata(path).map_or(0.0, |file| float(file.len()));
    page.family("appmixer_store_size_bytes", Kind::Gauge, "The size of the database's file.")
        .sample(&[], size(database));
    let mut wal = database.as_os_str().to_owned();
    wal.push("-wal");
    page.family(
        "appmixer_store_wal_bytes",
        Kind::Gauge,
        "The size of the write-ahead log beside the database.",
    )
    .sample(&[], size(Path::new(&wal)));
}

/// User and system time are the 14th and 15th field; the second, the name, may have spaces and ends with `)`.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(float(next()? + next()?) / float(clock_ticks_per_second()))
}

fn field(status: &str, name: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Prometheus has no integers.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 bytes")]
pub(crate) const fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_moves_no_field() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 7";
        let ticks = float(clock_ticks_per_second());
        assert_eq!(cpu_seconds(stat).map(|seconds| (seconds * ticks).round()), Some(200.0));
    }
}
