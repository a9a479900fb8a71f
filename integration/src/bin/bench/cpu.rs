//! What a process has used, as the kernel counts it.

use std::fs;

use nix::unistd::Pid;

/// Seconds that all threads of a process have run, from `schedstat`: nanoseconds, unlike the ticks
/// of `stat`.
pub fn seconds(pid: Pid) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    tasks.filter_map(|task| of(task.path())).sum::<f64>() / 1e9
}

/// Its proportional share of memory in MiB.
pub fn pss_mib(pid: Pid) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
