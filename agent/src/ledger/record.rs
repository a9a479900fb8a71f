//! One record ⇄ bytes: length, checksum, kind, moment, message. A record that is not whole at the
//! end is torn: it was never promised to anybody. Whole records behind one that is not mean that the
//! file was damaged; they count, and the damage is told.

use proto::Message as _;
use proto::v1::{OrderBatch, OrderResult, ResultsAcknowledged};

/// No batch comes near it: a length beyond is a torn or foreign record, not one to allocate for.
const RECORD_MAX_BYTES: usize = 64 * 1024 * 1024;

/// How far behind a bad record whole ones are looked for: the ledger of a busy month.
const SALVAGE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Length and checksum, four bytes each, little-endian.
const HEAD_BYTES: usize = 8;

/// One thing that must not be forgotten.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    /// A batch was accepted at this moment (milliseconds since the Unix epoch).
    Accepted(i64, OrderBatch),
    /// An order came to its end at this moment.
    Done(i64, OrderResult),
    /// The controller has these.
    Acknowledged(ResultsAcknowledged),
    /// A controller of this epoch was obeyed.
    Epoch(u64),
}

const ACCEPTED: u8 = 1;
const DONE: u8 = 2;
const ACKNOWLEDGED: u8 = 3;
const EPOCH: u8 = 4;

impl Record {
    /// Appends the record.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        match self {
            Self::Accepted(at_ms, batch) => {
                body.push(ACCEPTED);
                body.extend(at_ms.to_le_bytes());
                body.extend(batch.encode_to_vec());
            }
            Self::Done(at_ms, result) => {
                body.push(DONE);
                body.extend(at_ms.to_le_bytes());
                body.extend(result.encode_to_vec());
            }
            Self::Acknowledged(results) => {
                body.push(ACKNOWLEDGED);
                body.extend(results.encode_to_vec());
            }
            Self::Epoch(epoch) => {
                body.push(EPOCH);
                body.extend(epoch.to_le_bytes());
            }
        }
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        out.extend(length.to_le_bytes());
        out.extend(crc32(&body).to_le_bytes());
        out.extend(body);
    }

    fn from_body(body: &[u8]) -> Option<Self> {
        let (kind, rest) = body.split_first()?;
        Some(match *kind {
            ACCEPTED => {
                let (at_ms, message) = rest.split_first_chunk()?;
                Self::Accepted(i64::from_le_bytes(*at_ms), OrderBatch::decode(message).ok()?)
            }
            DONE => {
                let (at_ms, message) = rest.split_first_chunk()?;
                Self::Done(i64::from_le_bytes(*at_ms), OrderResult::decode(message).ok()?)
            }
            ACKNOWLEDGED => Self::Acknowledged(ResultsAcknowledged::decode(rest).ok()?),
            EPOCH => Self::Epoch(u64::from_le_bytes(rest.try_into().ok()?)),
            _ => return None,
        })
    }
}

/// What a file holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Content {
    /// Every whole record, in order.
    pub records: Vec<Record>,
    /// How many bytes are good from the beginning on.
    pub good: usize,
    /// Whole records stand behind bytes that are none.
    pub damaged: bool,
}

/// Reads all whole records.
pub(crate) fn read_all(bytes: &[u8]) -> Content {
    let (mut records, mut rest) = (Vec::new(), bytes);
    read_run(&mut records, &mut rest);
    let good = bytes.len() - rest.len();
    let (undamaged, end) = (records.len(), rest.len().saturating_sub(SALVAGE_MAX_BYTES));
    while rest.len() > end.max(HEAD_BYTES) {
        rest = rest.get(1..).unwrap_or(&[]);
        read_run(&mut records, &mut rest);
    }
    Content { damaged: records.len() > undamaged, records, good }
}

/// Takes whole records off the front.
fn read_run(records: &mut Vec<Record>, rest: &mut &[u8]) {
    while let Some((record, after)) = read_one(rest) {
        records.push(record);
        *rest = after;
    }
}

fn read_one(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *head;
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
    if length > RECORD_MAX_BYTES {
        return None;
    }
    let (body, rest) = rest.split_at_checked(length)?;
    if crc32(body) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return None;
    }
    Some((Record::from_body(body)?, rest))
}

/// CRC-32 as in gzip, bit by bit: the records are small and rare.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc = (crc >> 1) ^ (0xedb8_8320 * low);
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use proto::v1::{Order, OrderBatch, OrderResult, ResultsAcknowledged, StopOrder, order};

    use super::{Content, Record, crc32, read_all};

    fn all() -> Vec<Record> {
        let order = Order {
            id: 7,
            group: "web".into(),
            process: "api".into(),
            verb: Some(order::Verb::Stop(StopOrder {})),
        };
        vec![
            Record::Epoch(9),
            Record::Accepted(
                1_700_000_000_000,
                OrderBatch { operation: "op".into(), orders: vec![order], ..OrderBatch::default() },
            ),
            Record::Done(
                -1,
                OrderResult { operation: "op".into(), order: 7, ..OrderResult::default() },
            ),
            Record::Acknowledged(ResultsAcknowledged { operation: "op".into(), orders: vec![7] }),
        ]
    }

    fn bytes() -> Vec<u8> {
        let mut out = Vec::new();
        for record in all() {
            record.write(&mut out);
        }
        out
    }

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn records_survive_the_disk() {
        let bytes = bytes();
        let content = read_all(&bytes);
        assert_eq!((content.records, content.good), (all(), bytes.len()));
    }

    #[test]
    fn a_tail_that_is_torn_anywhere_costs_that_record_only() {
        let whole = bytes();
        let mut ends = vec![0];
        for record in all() {
            let mut one = Vec::new();
            record.write(&mut one);
            ends.push(ends.last().unwrap() + one.len());
        }
        for cut in 0..=whole.len() {
            let good = ends.iter().filter(|end| **end <= cut).count() - 1;
            let Content { records, good: length, damaged } = read_all(&whole[..cut]);
            assert!(!damaged);
            assert_eq!((records.len(), length), (good, ends[good]), "cut at {cut}");
        }
    }

    #[test]
    fn a_byte_that_changed_anywhere_loses_its_record_and_no_other() {
        let whole = bytes();
        for at in 0..whole.len() {
            let mut bad = whole.clone();
            bad[at] ^= 0x10;
            let Content { records, damaged, .. } = read_all(&bad);
            let missing = all().iter().filter(|record| !records.contains(record)).count();
            assert_eq!((records.len(), missing), (all().len() - 1, 1), "byte {at}");
            assert_eq!(damaged, records.last() == all().last(), "byte {at}");
        }
    }
}
