//! Walks through the records of a segment, over damage, in bounded memory.

use std::{io, ops::Range};

use crate::{
    format::record::{self, Found, Head, MARKER, RECORD_SIZE_MIN},
    storage::Storage,
};

/// What a disk reads as one; where it fails to, the rest may still be read.
const BLOCK_SIZE: usize = 4096;
/// How often a block is asked for before it counts as unreadable.
const BLOCK_ATTEMPTS: usize = 3;

/// A place in a segment, and how to go on from there.
pub(crate) struct SegmentScan<'a> {
    storage: &'a dyn Storage,
    name: &'a str,
    salt: u64,
    /// Where the segment ends.
    end: u64,
    /// How much is read at once.
    chunk_size: usize,
    /// What has been read, from `window_offset` on.
    window: Vec<u8>,
    window_offset: u64,
    /// Where in the window the next step begins.
    position: usize,
    /// What the ordinal of the next record must be, at least; unknown before the first.
    next_ordinal: Option<u32>,
    /// Whether the disk could not read some block.
    is_unreadable: bool,
}

/// What comes next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A record.
    Record(Location),
    /// Bytes that are no record, and at their end a record or the end.
    Damage(Range<u64>),
    /// Nothing.
    End,
}

/// Where a record is; its content can be had until the next step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) head: Head,
    pub(crate) offset: u64,
    pub(crate) size: usize,
    window_position: usize,
}

impl<'a> SegmentScan<'a> {
    /// From `range.start`, where a record begins, to `range.end`.
    pub(crate) fn new(
        storage: &'a dyn Storage,
        name: &'a str,
        salt: u64,
        range: Range<u64>,
        chunk_size: usize,
    ) -> Self {
        Self {
            storage,
            name,
            salt,
            end: range.end,
            chunk_size,
            window: Vec::new(),
            window_offset: range.start,
            position: 0,
            next_ordinal: None,
            is_unreadable: false,
        }
    }

    /// The content of the record that the last step found.
    pub(crate) fn content(&self, location: &Location) -> &[u8] {
        record::content(&self.window[location.window_position..], location.size)
    }

    /// Where the next step begins.
    pub(crate) fn offset(&self) -> u64 {
        self.window_offset + self.position as u64
    }

    /// Whether there were blocks that the disk could not read. They count as
    /// damaged, though another time it may succeed.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// Goes on.
    ///
    /// # Errors
    /// What the disk says when it cannot read at all.
    pub(crate) async fn step(&mut self) -> io::Result<Step> {
        match self.look().await? {
            Found::Record { head, size } => {
                let location = Location {
                    head,
                    offset: self.offset(),
                    size,
                    window_position: self.position,
                };
                self.position += size;
                let next_ordinal = head.ordinal.saturating_add(head.kind.is_entry().into());
                self.next_ordinal = Some(next_ordinal);
                Ok(Step::Record(location))
            }
            Found::Short(_) if self.offset() >= self.end => Ok(Step::End),
            Found::Short(_) | Found::Nothing => self.skip_damage().await,
        }
    }

    /// What stands here; short only where the segment ends.
    async fn look(&mut self) -> io::Result<Found> {
        let mut needed = 1;
        loop {
            let here = &self.window[self.position..];
            if here.len() >= needed {
                match record::find(self.salt, self.offset(), here) {
                    Found::Short(size) if !self.is_all_read() => needed = size,
                    found => return Ok(found),
                }
            } else if self.is_all_read() {
                return Ok(Found::Short(needed));
            }
            if self.window.len() - self.position < needed {
                self.fetch(needed).await?;
            }
        }
    }

    async fn skip_damage(&mut self) -> io::Result<Step> {
        let start = self.offset();
        loop {
            self.position += 1;
            let rest = &self.window[self.position.min(self.window.len())..];
            match rest.iter().position(|byte| *byte == MARKER[0]) {
                Some(distance) => self.position += distance,
                None if self.is_all_read() => {
                    self.position = self.window.len();
                    return Ok(Step::Damage(start..self.offset()));
                }
                None => {
                    self.position = self.window.len();
                    self.fetch(1).await?;
                    // The first byte of the new part has not been looked at.
                    if self.window.get(self.position) != Some(&MARKER[0]) {
                        continue;
                    }
                }
            }
            let skipped = self.offset() - start;
            if let Found::Record { head, .. } = self.look().await?
                && self.may_follow(head, skipped)
            {
                return Ok(Step::Damage(start..self.offset()));
            }
        }
    }

    /// Whether a record with this head can stand behind so many bytes of damage:
    /// a sum over 32 bits can agree by chance.
    fn may_follow(&self, head: Head, skipped: u64) -> bool {
        let Some(next_ordinal) = self.next_ordinal else {
            return true;
        };
        let gap = head.ordinal.checked_sub(next_ordinal);
        gap.is_some_and(|gap| u64::from(gap) <= skipped / RECORD_SIZE_MIN as u64)
    }

    fn is_all_read(&self) -> bool {
        self.window_offset + self.window.len() as u64 >= self.end
    }

    /// Reads on until `needed` bytes are here, or the segment ends.
    async fn fetch(&mut self, needed: usize) -> io::Result<()> {
        self.window.drain(..self.position);
        self.window_offset += self.position as u64;
        self.position = 0;
        while self.window.len() < needed && !self.is_all_read() {
            let offset = self.window_offset + self.window.len() as u64;
            let left = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
            let bytes = self.read(offset, self.chunk_size.min(left)).await?;
            if bytes.is_empty() {
                // The file is shorter than it was.
                self.end = offset;
            }
            self.window.extend(bytes);
        }
        Ok(())
    }

    /// Reads a chunk; blocks that the disk cannot read come as zeros.
    async fn read(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let whole = self.storage.read(self.name, offset, length).await;
        let Err(error) = whole else { return whole };
        if error.kind() == io::ErrorKind::NotFound {
            return Err(error);
        }
        let mut bytes = Vec::with_capacity(length);
        let mut is_any_read = false;
        while bytes.len() < length {
            let size = BLOCK_SIZE.min(length - bytes.len());
            match self.read_block(offset + bytes.len() as u64, size).await {
                Some(block) if block.is_empty() => break,
                Some(block) => {
                    is_any_read = true;
                    bytes.extend(block);
                }
                None => bytes.resize(bytes.len() + size, 0),
            }
        }
        if !is_any_read {
            return Err(error);
        }
        Ok(bytes)
    }

    async fn read_block(&mut self, offset: u64, size: usize) -> Option<Vec<u8>> {
        for _ in 0..BLOCK_ATTEMPTS {
            if let Ok(block) = self.storage.read(self.name, offset, size).await {
                return Some(block);
            }
        }
        self.is_unreadable = true;
        None
    }
}
