//! RFC 6455 frames, written into and read from plain buffers.
//!
//! A websocket library sends one message at a time; writing the frames of a whole batch into one
//! buffer is what makes the feed faster than its readers, and lets it break the protocol on purpose.

use std::io::{self, Cursor};

use bytes::{Buf, BufMut, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

use crate::config::MessageKind;

/// The longest message taken from a client, which has no reason to send any.
const CLIENT_PAYLOAD_BYTES_MAX: u64 = 1024 * 1024;

/// What fits into a control frame, RFC 6455 section 5.5.
const CONTROL_PAYLOAD_BYTES_MAX: usize = 125;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ClientFrame {
    Ping(BytesMut),
    Pong(BytesMut),
    /// With its code, if it has one.
    Close(Option<u16>),
    /// A data frame: of no interest.
    Data,
}

/// Appends a whole message.
pub(crate) fn write_message(out: &mut BytesMut, kind: MessageKind, body: &[u8]) {
    write_frame(out, OpCode::Data(data_of(kind)), true, body);
}

/// Appends a message as three frames, cut without regard for characters.
pub(crate) fn write_fragmented(out: &mut BytesMut, kind: MessageKind, body: &[u8]) {
    let (first, rest) = body.split_at(body.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    write_frame(out, OpCode::Data(data_of(kind)), false, first);
    write_frame(out, OpCode::Data(Data::Continue), false, second);
    write_frame(out, OpCode::Data(Data::Continue), true, third);
}

/// Appends a ping that carries a sequence number.
pub(crate) fn write_ping(out: &mut BytesMut, sequence: u64) {
    write_frame(
        out,
        OpCode::Control(Control::Ping),
        true,
        &sequence.to_be_bytes(),
    );
}

/// Appends the answer to a ping.
pub(crate) fn write_pong(out: &mut BytesMut, payload: &[u8]) {
    write_frame(out, OpCode::Control(Control::Pong), true, payload);
}

/// Appends a close frame, its reason cut to what fits.
pub(crate) fn write_close(out: &mut BytesMut, code: u16, reason: &str) {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_PAYLOAD_BYTES_MAX - 2)];
    let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
    write_frame(out, OpCode::Control(Control::Close), true, &payload);
}

/// The sequence number that a pong brings back, if it is one of ours.
pub(crate) fn sequence_of(pong: &[u8]) -> Option<u64> {
    pong.try_into().ok().map(u64::from_be_bytes)
}

/// Takes the first whole frame out of what was read.
///
/// # Errors
/// The client breaks the protocol, or its message is beyond the limit.
pub(crate) fn take_client_frame(incoming: &mut BytesMut) -> io::Result<Option<ClientFrame>> {
    let mut cursor = Cursor::new(&*incoming);
    let header = FrameHeader::parse(&mut cursor).map_err(io::Error::other)?;
    let Some((header, length)) = header else {
        return Ok(None);
    };
    let Some(mask) = header.mask else {
        return Err(io::Error::other("the client sent a frame without a mask"));
    };
    if length > CLIENT_PAYLOAD_BYTES_MAX {
        return Err(io::Error::other(format!(
            "the client sent a frame of {length} bytes"
        )));
    }
    let header_bytes = header.len(length);
    let length = usize::try_from(length).expect("the limit fits a usize");
    if incoming.len() < header_bytes + length {
        return Ok(None);
    }
    incoming.advance(header_bytes);
    let mut payload = incoming.split_to(length);
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Ok(Some(match header.opcode {
        OpCode::Control(Control::Ping) => ClientFrame::Ping(payload),
        OpCode::Control(Control::Pong) => ClientFrame::Pong(payload),
        OpCode::Control(_) => ClientFrame::Close(payload.try_get_u16().ok()),
        OpCode::Data(_) => ClientFrame::Data,
    }))
}

fn data_of(kind: MessageKind) -> Data {
    match kind {
        MessageKind::Text => Data::Text,
        MessageKind::Binary => Data::Binary,
    }
}

fn write_frame(out: &mut BytesMut, opcode: OpCode, is_final: bool, payload: &[u8]) {
    let header = FrameHeader {
        is_final,
        opcode,
        ..FrameHeader::default()
    };
    header
        .format(payload.len() as u64, &mut out.writer())
        .expect("writing to memory cannot fail");
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame as a client writes it.
    fn masked(opcode: u8, payload: &[u8]) -> BytesMut {
        let mask = [1, 2, 3, 4];
        let length = u8::try_from(payload.len()).expect("a short payload");
        let mut frame = BytesMut::from(&[0x80 | opcode, 0x80 | length, 1, 2, 3, 4][..]);
        frame.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        frame
    }

    fn check(mut incoming: BytesMut, expected: &ClientFrame) {
        let whole = incoming.clone();
        for length in 0..whole.len() {
            let mut part = BytesMut::from(&whole[..length]);
            assert_eq!(
                take_client_frame(&mut part).expect("a part is no error"),
                None
            );
        }
        assert_eq!(
            take_client_frame(&mut incoming).expect("a frame").as_ref(),
            Some(expected)
        );
        assert!(incoming.is_empty());
    }

    #[test]
    fn client_frames_are_read_when_they_are_whole() {
        check(
            masked(0x9, b"hi"),
            &ClientFrame::Ping(BytesMut::from(&b"hi"[..])),
        );
        check(
            masked(0xA, &7_u64.to_be_bytes()),
            &ClientFrame::Pong(BytesMut::from(&7_u64.to_be_bytes()[..])),
        );
        check(
            masked(0x8, &[0x03, 0xEF, b'x']),
            &ClientFrame::Close(Some(1007)),
        );
        check(masked(0x8, b""), &ClientFrame::Close(None));
        check(masked(0x1, b"data"), &ClientFrame::Data);
    }

    #[test]
    fn a_client_that_breaks_the_protocol_is_an_error() {
        for incoming in [
            // No mask; a reserved opcode; 2^62 bytes.
            &b"\x89\x00"[..],
            b"\x83\x80\x01\x02\x03\x04",
            b"\x82\xff\x40\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04",
        ] {
            take_client_frame(&mut BytesMut::from(incoming)).expect_err("the protocol is broken");
        }
    }

    #[test]
    fn server_frames_have_the_shortest_header() {
        for (length, header) in [
            (125, &[0x81, 125][..]),
            (126, &[0x81, 126, 0, 126]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = BytesMut::new();
            write_message(&mut out, MessageKind::Text, &vec![b'x'; length]);
            assert_eq!(out[..header.len()], *header);
            assert_eq!(out.len(), header.len() + length);
        }
    }

    #[test]
    fn a_fragmented_message_is_three_frames_even_when_it_is_empty() {
        for (body, expected) in [
            ("ab\u{e9}de", &b"\x01\x02ab\x00\x02\xc3\xa9\x80\x02de"[..]),
            ("", b"\x01\x00\x00\x00\x80\x00"),
        ] {
            let mut out = BytesMut::new();
            write_fragmented(&mut out, MessageKind::Text, body.as_bytes());
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let mut out = BytesMut::new();
        write_close(&mut out, 1001, &"é".repeat(100));
        assert_eq!(out.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&out[4..]).is_ok());
    }
}
