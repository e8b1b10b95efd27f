//! All members of a zip, those too whose name a later one has.
//!
//! The crate `zip` knows members by their names, so that of several with one name the last is all there is. Its list of
//! members, which lies at the end of the file, is walked here, and where it holds more than the crate has, the others are
//! listed anew, each time without those of one name, behind the same bytes. What members mean is `archive.rs`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::result::ZipResult;

/// How a member's entry begins, how long it is without what is of any length, and where the three lengths of that stand.
const MARK: &[u8] = b"PK\x01\x02";
const FIXED: usize = 46;
const LENGTHS: usize = 28;
/// Bit 11, in its second byte: the name is UTF-8.
const FLAGS: usize = 9;

/// A zip, as one or more in which each name is there once.
pub(super) struct Archives {
    /// In the order of members of one name.
    pub of_all_members: Vec<ZipArchive<BufReader<Relisted>>>,
    /// So many members are in none of these.
    pub hidden: usize,
}

pub(super) fn open(file: File) -> ZipResult<Archives> {
    let size = file.metadata()?.len();
    let whole = Relisted {
        file: file.try_clone()?,
        begin: 0,
        listed: size,
        list: Cursor::new(Vec::new()),
        at: 0,
    };
    let archive = ZipArchive::new(BufReader::new(whole))?;
    let (begin, listed) = (archive.offset(), archive.central_directory_start());
    let mut all = 0;
    walk(&file, listed, |_| all += 1)?;
    let mut hidden = all.max(archive.len()) - archive.len();
    if hidden == 0 {
        let of_all_members = vec![archive];
        return Ok(Archives {
            of_all_members,
            hidden,
        });
    }
    let mut left: HashMap<Vec<u8>, usize> = HashMap::new();
    walk(&file, listed, |entry| {
        *left.entry(name(entry)).or_default() += 1;
    })?;
    // The last of each name is in `archive`.
    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut rounds: Vec<(Vec<u8>, u64)> = Vec::new();
    walk(&file, listed, |entry| {
        let name = name(entry);
        let round = seen.entry(name.clone()).or_default();
        if *round + 1 < left.get(&name).copied().unwrap_or_default() {
            if rounds.len() == *round {
                rounds.push(Default::default());
            }
            rounds[*round].0.extend_from_slice(entry);
            rounds[*round].1 += 1;
            *round += 1;
        }
    })?;
    let mut of_all_members = Vec::with_capacity(rounds.len() + 1);
    for (list, members) in rounds {
        let relisted = Relisted {
            file: file.try_clone()?,
            begin,
            listed: listed.saturating_sub(begin),
            list: Cursor::new(ended(list, members, listed.saturating_sub(begin))),
            at: 0,
        };
        // What cannot be opened so stays hidden.
        if let Ok(archive) = ZipArchive::new(BufReader::new(relisted)) {
            hidden = hidden.saturating_sub(archive.len());
            of_all_members.push(archive);
        }
    }
    of_all_members.push(archive);
    Ok(Archives {
        of_all_members,
        hidden,
    })
}

/// Shows each entry of the list of members.
fn walk(mut file: &File, listed: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    file.seek(SeekFrom::Start(listed))?;
    let mut list = BufReader::new(file);
    let mut entry = Vec::new();
    loop {
        entry.clear();
        list.by_ref().take(FIXED as u64).read_to_end(&mut entry)?;
        if entry.len() < FIXED || !entry.starts_with(MARK) {
            return Ok(());
        }
        let rest: u64 = (0..3).map(|n| length(&entry, n) as u64).sum();
        list.by_ref().take(rest).read_to_end(&mut entry)?;
        each(&entry);
    }
}

fn length(entry: &[u8], which: usize) -> usize {
    let at = LENGTHS + 2 * which;
    usize::from(u16::from_le_bytes([entry[at], entry[at + 1]]))
}

/// What the name is made of: the encoding, and its bytes.
fn name(entry: &[u8]) -> Vec<u8> {
    let end = entry.len().min(FIXED + length(entry, 0));
    [&entry[FLAGS..=FLAGS], &entry[FIXED..end]].concat()
}

/// A list of so many members at this place, with what stands behind it, in the form for files of any size.
fn ended(mut list: Vec<u8>, members: u64, at: u64) -> Vec<u8> {
    let size = list.len() as u64;
    list.extend(b"PK\x06\x06");
    list.extend(44_u64.to_le_bytes());
    list.extend([45, 0, 45, 0]);
    list.extend([0; 8]);
    for number in [members, members, size, at] {
        list.extend(number.to_le_bytes());
    }
    list.extend(b"PK\x06\x07");
    list.extend(0_u32.to_le_bytes());
    list.extend((at + size).to_le_bytes());
    list.extend(1_u32.to_le_bytes());
    list.extend(b"PK\x05\x06");
    list.extend([0; 4]);
    list.extend([0xFF; 12]);
    list.extend([0; 2]);
    list
}

/// A zip whose list of members is another: bytes of the file up to there, then the list.
pub(super) struct Relisted {
    file: File,
    /// Where the zip begins in the file, and where in the zip its list does.
    begin: u64,
    listed: u64,
    list: Cursor<Vec<u8>>,
    at: u64,
}

impl Read for Relisted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = if self.at < self.listed {
            // Others read the same file.
            self.file.seek(SeekFrom::Start(self.begin + self.at))?;
            let left = usize::try_from(self.listed - self.at).unwrap_or(usize::MAX);
            let length = buffer.len().min(left);
            self.file.read(&mut buffer[..length])?
        } else {
            self.list.set_position(self.at - self.listed);
            self.list.read(buffer)?
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Relisted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.listed + self.list.get_ref().len() as u64;
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => end.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
