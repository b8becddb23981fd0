//! A process and all that descend from it.

use std::collections::HashMap;

use procfs::ProcResult;
use procfs::process::{Stat, all_processes};

use super::process::{Reading, descriptors, has_ended};

/// Reads the whole process table: the kernel lists a process's children only where it was built to.
pub(super) fn read(root: &Stat) -> ProcResult<Reading> {
    let mut table = children()?;
    let mut reading = Reading { descriptors: Some(0), ..Reading::default() };
    let mut open = vec![root.clone()];
    while let Some(stat) = open.pop() {
        // Taken out, so that nothing is visited twice even if a number is reused meanwhile.
        open.extend(table.remove(&stat.pid).unwrap_or_default());
        reading.cpu_ticks = reading.cpu_ticks.saturating_add(cpu_ticks(&stat));
        if !has_ended(&stat) {
            reading.add(&stat, descriptors(stat.pid));
        }
    }
    Ok(reading)
}

/// Its own, and what it was told of children that have ended: a tree's time does not fall when one of them ends.
fn cpu_ticks(stat: &Stat) -> u64 {
    let children = stat.cutime.saturating_add(stat.cstime);
    stat.utime.saturating_add(stat.stime).saturating_add(u64::try_from(children).unwrap_or(0))
}

/// All processes by their parent. Those that end while the table is read are left out.
fn children() -> ProcResult<HashMap<i32, Vec<Stat>>> {
    let mut table: HashMap<i32, Vec<Stat>> = HashMap::new();
    for stat in all_processes()?.flatten().filter_map(|folder| folder.stat().ok()) {
        table.entry(stat.ppid).or_default().push(stat);
    }
    Ok(table)
}
