//! How much memory the engine may use where nobody says.

use std::fs;

/// Used where the machine does not tell: a small container.
const FALLBACK: usize = 2 << 30;

/// Half of what the cgroup allows or, without one, of what the machine has. The other half is for what the pool does not
/// count: decode buffers, the allocator, Python beside it.
pub(super) fn default_limit() -> usize {
    let cgroup = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .iter()
    .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<usize>().ok())
    .min();
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| mem_total(&text));
    // cgroup v1 writes a number beyond any machine where there is no limit.
    cgroup
        .into_iter()
        .chain(machine)
        .min()
        .map_or(FALLBACK, |bytes| bytes / 2)
}

fn mem_total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_meminfo() {
        assert_eq!(
            mem_total("MemTotal:       24689104 kB\nMemFree: 1 kB\n"),
            Some(24_689_104 * 1024)
        );
        assert_eq!(mem_total("nothing"), None);
        assert!(default_limit() > 0);
    }
}
