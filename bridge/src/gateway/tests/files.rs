//! A store in a directory, and a gateway on it.

use core::sync::atomic::{AtomicU32, Ordering};
use std::fs;
use std::path::{Path, PathBuf};

use groupcast::Channel;

use super::broker::{Bench, json, peer, property, settings};
use crate::gateway::News;
use crate::gateway::store::{AppendError, Files, OpenError, Recovered, Store};

const OWNER: &str = "g/plant";
const ORDERED: Channel = Channel::reliable_ordered(1);

/// A directory that is gone afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("groupcast-gateway-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self) -> Files {
        Files::open(&self.0, OWNER, 1 << 20).unwrap()
    }

    fn logs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut logs: Vec<_> = paths.filter(|path| is_log(path)).collect();
        logs.sort();
        logs
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// So many records of 1000 bytes.
fn fill(store: &mut Files, count: u64) {
    for number in 0..count {
        store.append(&[number as u8; 1000]).unwrap();
    }
}

fn all(store: &mut Files) -> Vec<(u64, u8)> {
    let (mut from, mut all) = (0, Vec::new());
    loop {
        let read = store.read(from, 10_000).unwrap();
        let Some((last, _)) = read.last() else {
            return all;
        };
        from = last + 1;
        all.extend(read.iter().map(|(position, record)| (*position, record[0])));
    }
}

#[test]
fn records_and_the_checkpoint_outlive_the_program() {
    let directory = Directory::new();
    let mut store = directory.open();
    assert_eq!(store.recover().unwrap(), Recovered::default());
    fill(&mut store, 200);
    store.save(b"checkpoint", 0).unwrap();
    assert!(directory.logs().len() > 2, "there are several segments");
    drop(store);
    let mut store = directory.open();
    let expected = Recovered {
        checkpoint: Some(b"checkpoint".to_vec()),
        end: 200,
        ..Recovered::default()
    };
    assert_eq!(store.recover().unwrap(), expected);
    assert!(
        all(&mut store)
            .into_iter()
            .eq((0..200).map(|n| (n, n as u8)))
    );
    // It can be written and read at the same time.
    assert_eq!(store.append(b"x").unwrap(), 200);
    assert_eq!(store.read(200, 1).unwrap(), [(200, b"x".to_vec())]);
    assert_eq!(store.read(77, 1).unwrap()[0].0, 77);
}

#[test]
fn what_is_released_is_deleted_and_positions_go_on() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    fill(&mut store, 300);
    let (bytes, first) = (store.bytes(), store.releasable().unwrap());
    store.save(b"", first - 1).unwrap();
    assert_eq!(
        store.bytes(),
        bytes,
        "something of the first segment is needed"
    );
    store.save(b"", first).unwrap();
    assert!(store.bytes() < bytes);
    assert_eq!(store.read(0, 1).unwrap()[0].0, first);
    store.save(b"", 300).unwrap();
    assert_eq!(directory.logs().len(), 1);
    drop(store);
    let mut store = directory.open();
    let recovered = store.recover().unwrap();
    assert_eq!(recovered.end, 300);
    assert_eq!(store.append(b"x").unwrap(), 300);
}

#[test]
fn a_store_is_no_larger_than_it_may_be() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    let full = (0..2000).find_map(|_| store.append(&[0; 1000]).err());
    assert!(matches!(full, Some(AppendError::Full)));
    assert!(store.bytes() <= 1 << 20);
    let size: u64 = directory
        .logs()
        .iter()
        .map(|log| fs::metadata(log).unwrap().len())
        .sum();
    assert_eq!(size, store.bytes());
    store.save(b"", store.releasable().unwrap()).unwrap();
    store.append(&[0; 1000]).unwrap();
}

#[test]
fn a_torn_end_is_cut_off_at_any_byte() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    for number in 0..3u8 {
        store.append(&[number; 20]).unwrap();
    }
    drop(store);
    let log = directory.logs().remove(0);
    let whole = fs::read(&log).unwrap();
    for len in 0..whole.len() {
        fs::write(&log, &whole[..len]).unwrap();
        let mut store = directory.open();
        let recovered = store.recover().unwrap();
        assert_eq!(recovered.end, len as u64 / 36);
        assert_eq!(recovered.torn, len as u64 % 36);
        // What is written now is found by the next one.
        store.append(&[9; 20]).unwrap();
        drop(store);
        let mut store = directory.open();
        let recovered = store.recover().unwrap();
        assert_eq!((recovered.end, recovered.torn), (len as u64 / 36 + 1, 0));
        assert_eq!(all(&mut store).last().unwrap().1, 9);
        drop(store);
        for log in directory.logs() {
            fs::remove_file(log).unwrap();
        }
    }
}

#[test]
fn what_is_damaged_is_told_and_all_the_rest_is_read() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    fill(&mut store, 200);
    store.save(b"checkpoint", 0).unwrap();
    drop(store);
    let logs = directory.logs();
    let last = logs.len() - 1;
    // In the octets of the third record; in the head of the second; and the length of the second.
    for (segment, place) in [(1, 2500), (2, 1020), (last, 1016)] {
        let mut octets = fs::read(&logs[segment]).unwrap();
        octets[place] ^= 1;
        fs::write(&logs[segment], octets).unwrap();
    }
    let checkpoint = directory.0.join("checkpoint");
    let size = fs::metadata(&checkpoint).unwrap().len();
    let mut octets = fs::read(&checkpoint).unwrap();
    octets[9] ^= 1;
    fs::write(&checkpoint, octets).unwrap();
    let mut store = directory.open();
    let recovered = store.recover().unwrap();
    assert!(recovered.checkpoint.is_none());
    assert_eq!((recovered.damaged, recovered.torn), (3 * 1016 + size, 0));
    assert_eq!(recovered.end, 200);
    let read = all(&mut store);
    assert_eq!(read.len(), 197);
    assert!(
        read.iter()
            .all(|(position, octet)| *position == u64::from(*octet))
    );
    let middle = read[100].0;
    assert_eq!(store.read(middle, 1).unwrap()[0].0, middle);
}

#[test]
fn what_looks_like_a_record_in_what_is_damaged_is_none() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    // The octets of a record are a record themselves, as anybody may write.
    let fake = [
        &7u32.to_le_bytes()[..],
        &1u64.to_le_bytes(),
        &[0; 4],
        b"nothing",
    ]
    .concat();
    let mut whole = fake.clone();
    let check = crc32c::crc32c(&[&fake[..12], &fake[16..]].concat());
    whole[12..16].copy_from_slice(&check.to_le_bytes());
    for _ in 0..3 {
        store.append(&whole).unwrap();
    }
    drop(store);
    let log = directory.logs().remove(0);
    let mut octets = fs::read(&log).unwrap();
    octets[12] ^= 1;
    fs::write(&log, octets).unwrap();
    let mut store = directory.open();
    assert_eq!(store.recover().unwrap().damaged, 16 + whole.len() as u64);
    let read = store.read(0, 10_000).unwrap();
    assert_eq!(read, [(1, whole.clone()), (2, whole)]);
}

#[test]
fn a_file_that_looks_like_records_everywhere_is_given_up() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    // Each of these heads is of a record of 8 KB, which is none.
    let head = [&8192u32.to_le_bytes()[..], &1u64.to_le_bytes(), &[0; 4]].concat();
    store.append(&head.repeat(40_000)).unwrap();
    drop(store);
    let log = directory.logs().remove(0);
    let mut octets = fs::read(&log).unwrap();
    octets[0] ^= 1;
    fs::write(&log, octets).unwrap();
    let mut store = directory.open();
    let recovered = store.recover().unwrap();
    let lost = (recovered.damaged, recovered.torn);
    assert_eq!(lost, (640_016, 0), "it was given up");
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_removed_is_noticed_and_made_anew() {
    // Either memory holds all of them, or some are in the log alone.
    for count in [100, 150] {
        let directory = Directory::new();
        let mut bench = Bench::with(settings(), directory.open());
        for number in 0..count {
            bench.message(peer(7, "ana"), ORDERED, number, &[0; 300]);
        }
        bench.run(2);
        assert!(bench.gateway.queued().is_kept);
        fs::remove_dir_all(&directory.0).unwrap();
        bench.message(peer(7, "ana"), ORDERED, count, b"x");
        bench.run(1);
        let is_told =
            |news: &News| matches!(news, News::StoreFailed { error } if error.contains("removed"));
        assert!(bench.news.iter().any(is_told), "{:?}", bench.news);
        bench.run(2);
        assert!(bench.news.contains(&News::StoreBack) && bench.gateway.queued().is_kept);
        assert!(matches!(
            Files::open(&directory.0, OWNER, 1 << 20),
            Err(OpenError::InUse(_))
        ));
        let (now, unix) = (bench.now, bench.unix);
        drop(bench);
        let mut bench = Bench::at(settings(), directory.open(), now, unix);
        bench.connect();
        assert!(bench.gateway.counters().recovered > u64::from(count));
        let delivered = bench.deliver();
        let mids: std::collections::BTreeSet<_> = delivered
            .iter()
            .filter(|p| p.topic.ends_with("/1"))
            .map(|p| property(p, "gc-mid"))
            .collect();
        let gaps = delivered
            .iter()
            .filter(|p| p.topic.ends_with("/gap"))
            .count();
        assert_eq!((mids.len(), gaps), (count as usize + 1, 0));
    }
}

/// A power cut could leave an empty one otherwise.
#[cfg(target_os = "linux")]
#[test]
fn a_checkpoint_that_does_not_reach_the_disk_does_not_replace_the_one_before() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    store.save(b"first", 0).unwrap();
    // What takes all that is written, and cannot be synced.
    std::os::unix::fs::symlink("/dev/null", directory.0.join("checkpoint.new")).unwrap();
    store.save(b"second", 0).unwrap_err();
    drop(store);
    let recovered = directory.open().recover().unwrap();
    assert_eq!(recovered.checkpoint.as_deref(), Some(&b"first"[..]));
}

#[test]
fn a_directory_is_for_one_gateway_and_its_files_are_nobody_elses() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    store.append(b"secret").unwrap();
    store.save(b"", 0).unwrap();
    let second = Files::open(&directory.0, OWNER, 1 << 20);
    assert!(matches!(&second, Err(OpenError::InUse(_))), "{second:?}");
    #[cfg(unix)]
    for entry in fs::read_dir(&directory.0).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
    drop(store);
    directory.open();
    let file = directory.0.join("lock");
    assert!(matches!(
        Files::open(file, OWNER, 1 << 20),
        Err(OpenError::Io(..))
    ));
}

#[test]
fn a_directory_of_another_gateway_is_refused_and_left_as_it_is() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.recover().unwrap();
    drop(store);
    // As long as nothing is in it, it is nobody's.
    Files::open(&directory.0, "g/other", 1 << 20).unwrap();
    let mut store = directory.open();
    store.recover().unwrap();
    fill(&mut store, 3);
    drop(store);
    let foreign = Files::open(&directory.0, "g/other", 1 << 20).unwrap_err();
    assert!(
        matches!(&foreign, OpenError::Foreign { owner, .. } if owner == OWNER),
        "{foreign:?}"
    );
    assert!(foreign.to_string().contains("the gateway of g/plant"));
    assert_eq!(directory.open().recover().unwrap().end, 3);
}

#[test]
fn a_gateway_goes_on_where_the_one_before_was_killed() {
    let directory = Directory::new();
    let mut bench = Bench::with(settings(), directory.open());
    for number in 0..500 {
        bench.message(peer(7, "ana"), ORDERED, number, &[number as u8; 300]);
    }
    bench.connect();
    bench.run(1);
    // The first is that the gateway is online.
    for _ in 0..11 {
        let (token, _) = bench.published.pop_front().unwrap();
        bench.acknowledge(token, None);
    }
    bench.run(1);
    bench.message(peer(7, "ana"), ORDERED, 500, b"x");
    // kill -9: nothing more is written. The last record is torn, as it may be when the power goes.
    let (now, unix) = (bench.now, bench.unix);
    drop(bench);
    let log = directory.logs().pop().unwrap();
    let len = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(len - 5)
        .unwrap();
    let mut bench = Bench::at(settings(), directory.open(), now, unix);
    bench.connect();
    assert!(
        bench
            .news
            .iter()
            .any(|news| matches!(news, News::StoreTorn { .. }))
    );
    let first = bench.deliver_on("/1");
    let mids = first.iter().map(|p| property(p, "gc-mid"));
    let numbers: Vec<u32> = mids
        .map(|mid| mid.rsplit('-').next().unwrap().parse().unwrap())
        .collect();
    assert!(numbers.iter().copied().eq(10..500), "{numbers:?}");
    bench.message(peer(7, "ana"), ORDERED, 501, b"x");
    bench.run(15);
    let rest = bench.deliver();
    assert_eq!(rest.iter().filter(|p| p.topic.ends_with("/1")).count(), 1);
    let gap = rest
        .iter()
        .find(|p| p.topic.ends_with("/gap"))
        .map(json)
        .unwrap();
    assert_eq!(
        (gap["first"].as_u64(), gap["last"].as_u64()),
        (Some(500), Some(500))
    );
    bench.check();
}
