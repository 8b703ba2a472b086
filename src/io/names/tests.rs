//! Names that are found, listed, merged, and damaged.

use std::collections::BTreeSet;

use super::*;

fn name(number: u64) -> (String, String) {
    let host = ["github.com", "a.example", "zeta.example"][(number % 3) as usize];
    let path = format!("{host}/m{}/x{}", number % 97, number % 11);
    (path, format!("v1.{}.0", number / 7))
}

fn batch(numbers: impl IntoIterator<Item = u64>) -> NameBatch {
    let mut batch = NameBatch::default();
    for number in numbers {
        let (path, version) = name(number);
        batch.push(&path, &version, number);
    }
    batch
}

fn all(names: &Names, prefix: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut below = names.below(prefix).unwrap();
    while let Some((key, index)) = below.next().unwrap() {
        found.push((String::from_utf8(key.to_vec()).unwrap(), index));
    }
    found
}

fn expected(numbers: impl IntoIterator<Item = u64>, prefix: &str) -> Vec<(String, u64)> {
    let names = numbers.into_iter().map(|number| {
        let (path, version) = name(number);
        (format!("{path} {version}"), number)
    });
    let names: BTreeSet<_> = names.filter(|(name, _)| name.starts_with(prefix)).collect();
    names.into_iter().collect()
}

#[test]
fn every_name_is_found_in_order_however_it_came_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = NamesWriter::open(folder.path(), NamesExtent::default()).unwrap();
    let parts = [0..20_000, 20_000..20_001, 20_001..20_500, 20_500..21_000];
    for part in parts {
        let written = writer.plan(batch(part)).write().unwrap();
        assert!(written.is_empty());
        let bytes = writer.extent().to_bytes();
        let extent = NamesExtent::from_bytes(&bytes).unwrap();
        assert_eq!(&extent, writer.extent());
    }
    for round in ["four segments", "merged", "swept"] {
        match round {
            "merged" => writer.merge(true).unwrap(),
            "swept" => writer.sweep().unwrap(),
            _ => {}
        }
        let names = Names::open(folder.path(), writer.extent()).unwrap();
        let mut sum = NamesSum::default();
        for number in (0..21_000).rev() {
            let (path, version) = name(number);
            sum.add(&path, &version, number);
        }
        assert_eq!(names.sum().unwrap(), sum);
        sum.add("another.example", "v1.0.0", 7);
        assert_ne!(names.sum().unwrap(), sum);
        for number in (0..21_000).step_by(37) {
            let (path, version) = name(number);
            assert!(names.find(&path, &version).unwrap().contains(&number));
        }
        assert_eq!(names.find("github.com/m1/x1", "v9.9.9").unwrap(), [0; 0]);
        assert_eq!(names.find("zz", "").unwrap(), [0; 0]);
        for prefix in ["", "github.com/m1/", "a.example/m96/x10 ", "nothing"] {
            assert_eq!(all(&names, prefix), expected(0..21_000, prefix), "{round}");
        }
    }
    // The large one stays beside the small ones, which are one.
    assert_eq!(writer.extent().segments.len(), 2);
    let parts: u64 = writer.extent().segments.iter().map(|of| of.parts).sum();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count() as u64, parts);
}

#[test]
fn a_segment_of_many_parts_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = NamesWriter::open(folder.path(), NamesExtent::default()).unwrap();
    for part in 0..4 {
        let numbers = (0..40_000).filter(|number| number % 4 == part);
        writer.plan(batch(numbers)).write().unwrap();
    }
    let open = |of: &SegmentExtent| Segment::open(folder.path(), *of).unwrap();
    let old: Vec<Segment> = writer.extent().segments.iter().map(open).collect();
    let splits = old[0].split(7).unwrap();
    assert!(splits.len() > 3, "{splits:?}");
    writer.merge(true).unwrap();
    let names = Names::open(folder.path(), writer.extent()).unwrap();
    assert_eq!(all(&names, ""), expected(0..40_000, ""));
    for number in (0..40_000).step_by(11) {
        let (path, version) = name(number);
        assert!(names.find(&path, &version).unwrap().contains(&number));
    }
}

#[test]
fn one_name_can_be_of_many_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = NamesWriter::open(folder.path(), NamesExtent::default()).unwrap();
    let mut many = NameBatch::default();
    for index in 0..5000 {
        many.push("example.com/m", "v1.0.0", index);
    }
    writer.plan(many).write().unwrap();
    let names = Names::open(folder.path(), writer.extent()).unwrap();
    let expected: Vec<u64> = (0..5000).collect();
    assert_eq!(names.find("example.com/m", "v1.0.0").unwrap(), expected);
}

#[test]
fn too_many_segments_are_merged_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = NamesWriter::open(folder.path(), NamesExtent::default()).unwrap();
    for round in 0..200 {
        writer
            .plan(batch(round * 10..round * 10 + 10))
            .write()
            .unwrap();
        writer.merge(false).unwrap();
        assert!(writer.extent().segments.len() <= MAX_SEGMENTS);
    }
    let names = Names::open(folder.path(), writer.extent()).unwrap();
    assert_eq!(all(&names, ""), expected(0..2000, ""));
    assert_eq!(writer.extent().names(), 2000);
}

#[test]
fn files_that_do_not_count_are_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = NamesWriter::open(folder.path(), NamesExtent::default()).unwrap();
    first.plan(batch(0..100)).write().unwrap();
    let reader = Names::open(folder.path(), first.extent()).unwrap();
    let mut anew = NamesWriter::open(folder.path(), NamesExtent::default()).unwrap();
    anew.plan(batch(0..50)).write().unwrap();
    anew.sweep().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // Whoever has it open reads on.
    assert_eq!(all(&reader, "").len(), 100);
}

#[test]
fn nothing_is_a_segment_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = NamesWriter::open(folder.path(), NamesExtent::default()).unwrap();
    writer.plan(NameBatch::default()).write().unwrap();
    let names = Names::open(folder.path(), writer.extent()).unwrap();
    assert_eq!(all(&names, ""), []);
    assert_eq!(names.find("a", "b").unwrap(), [0; 0]);
}

#[test]
fn no_flipped_bit_hides_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = NamesWriter::open(folder.path(), NamesExtent::default()).unwrap();
    writer.plan(batch(0..2000)).write().unwrap();
    let path = path_of(folder.path(), 0, 0);
    let whole = fs::read(&path).unwrap();
    let honest = expected(0..2000, "");
    for at in (0..whole.len())
        .step_by(61)
        .chain(whole.len() - 41..whole.len())
    {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, damaged).unwrap();
        let Ok(names) = Names::open(folder.path(), writer.extent()) else {
            continue;
        };
        assert!(names.sum().is_err(), "byte {at}");
        for (key, index) in honest.iter().step_by(199) {
            let (path, version) = key.split_once(' ').unwrap();
            if let Ok(found) = names.find(path, version) {
                assert!(found.contains(index), "byte {at}");
            }
        }
    }
    for length in [0, 10, 39, 40, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(Names::open(folder.path(), writer.extent()).is_err());
    }
}

#[test]
fn ranks_are_in_the_order_of_keys() {
    let keys = [
        "",
        "a",
        "github.co",
        "github.com",
        "github.com-",
        "github.com/",
        "github.com/a",
        "github.com/abcdefg",
        "github.com/abcdefgh",
        "github.com/b",
        "github.com0",
        "h",
        "zz",
    ];
    for one in keys {
        for other in keys {
            if rank(one.as_bytes()) < rank(other.as_bytes()) {
                assert!(one < other, "{one} {other}");
            }
        }
    }
}
