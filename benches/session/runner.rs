//! Measures one part at a time, so that implementations can take turns.

use std::hint::black_box;

use crate::bare_primitives::Steady;
use crate::bare_primitives::cipher::Letter;
use crate::bare_primitives::handshake::Handshake;
use crate::bare_primitives::turns::{EPOCH, Turns};
use crate::clock::timed;
use crate::implementation_under_test::{End, ImplementationUnderTest, acquainted, turn};
use crate::measurements::{Measurements, Who};
use crate::row_names;

/// A part of a round.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// Messages of this length, one after the other, in one direction.
    Steady(usize),
    /// Short messages, an answer after every tenth: the erasure code of the post-quantum ratchet stays in its
    /// first chunks, which are copies of what they carry.
    Bursts,
    /// One says something, the other answers.
    Turns,
    Handshake,
    /// Messages that are lost, and what that leaves behind.
    Skip,
    /// Saving and loading.
    Keep,
}

/// In the order of a round, with the names they are asked for by.
pub(crate) const PARTS: [(&str, Part); 8] = [
    ("short", Part::Steady(100)),
    ("medium", Part::Steady(1024)),
    ("long", Part::Steady(16 * 1024)),
    ("bursts", Part::Bursts),
    ("turns", Part::Turns),
    ("handshake", Part::Handshake),
    ("skip", Part::Skip),
    ("keep", Part::Keep),
];

const SKIPPED: usize = 500;
const HANDSHAKES: usize = 4;
const STORES: usize = 50;
const TEXT: usize = 100;
const BURST: usize = 10;

/// How many messages of a length are timed at once.
const fn batch(length: usize) -> usize {
    if length > 4096 { 25 } else { 100 }
}

pub(crate) trait Runner {
    fn run(&mut self, part: Part, board: &mut Measurements);
}

/// An implementation with sessions that go on from round to round, so that every phase of them comes up.
pub(crate) struct Sessions<C> {
    who: Who,
    steady: C,
    bursts: C,
    turns: C,
    strangers: C,
}

impl<C: ImplementationUnderTest> Sessions<C> {
    pub(crate) fn new(who: Who) -> Self {
        let [steady, bursts, turns] = [(); 3].map(|()| acquainted());
        Self { who, steady, bursts, turns, strangers: C::strangers() }
    }

    fn steady(&mut self, length: usize, board: &mut Measurements) {
        let (both, count, text) = (&mut self.steady, batch(length), vec![b'x'; length]);
        let mut sealed = Vec::with_capacity(count);
        let seal = timed(count, |_| sealed.push(both.seal(End::Alice, &text)));
        // Opening the first after an answer makes a new ratchet key, which is not steady: see the turns.
        both.open(End::Bob, &sealed[0]);
        let open = timed(count - 1, |number| {
            black_box(both.open(End::Bob, &sealed[1 + number]));
        });
        board.add(&row_names::seal(length), self.who, seal);
        board.add(&row_names::open(length), self.who, open);
        if length == TEXT {
            board.add(row_names::WIRE, self.who, C::len(&sealed[0]) as f64);
        }
        turn(both, End::Bob, b"understood");
    }

    fn bursts(&mut self, board: &mut Measurements) {
        let (both, text) = (&mut self.bursts, [b'x'; TEXT]);
        for _ in 0..batch(TEXT) / BURST {
            let mut sealed = Vec::with_capacity(BURST);
            let seal = timed(BURST, |_| sealed.push(both.seal(End::Alice, &text)));
            // Opening the first after an answer makes a new ratchet key.
            both.open(End::Bob, &sealed[0]);
            let open = timed(BURST - 1, |number| {
                black_box(both.open(End::Bob, &sealed[1 + number]));
            });
            board.add(row_names::SEAL_BURST, self.who, seal);
            board.add(row_names::OPEN_BURST, self.who, open);
            turn(both, End::Bob, b"understood");
        }
    }

    fn turns(&mut self, board: &mut Measurements) {
        let (both, text) = (&mut self.turns, [b'x'; 1024]);
        let mut from = End::Alice;
        let each = timed(EPOCH, |_| {
            let message = both.seal(from, &text);
            black_box(both.open(from.other(), &message));
            from = from.other();
        });
        board.add(row_names::PING_PONG, self.who, each);
        // The round has an odd number of messages; the next begins with the same end.
        turn(both, from, b"and so on");
    }

    fn handshake(&mut self, board: &mut Measurements) {
        let (both, text) = (&mut self.strangers, [b'x'; TEXT]);
        for _ in 0..HANDSHAKES {
            both.publish();
            let mut first = None;
            board.add(row_names::SETUP, self.who, timed(1, |_| first = Some(both.meet(&text))));
            let first = first.unwrap();
            board.add(row_names::RECORD_FIRST, self.who, both.stored(End::Alice).len() as f64);
            board.add(row_names::WIRE_FIRST, self.who, C::len(&first) as f64);
            let open = timed(1, |_| {
                black_box(both.open(End::Bob, &first));
            });
            board.add(row_names::FIRST_OPEN, self.who, open);
        }
    }

    fn skip(&mut self, board: &mut Measurements) {
        let (mut both, text) = (acquainted::<C>(), [b'x'; TEXT]);
        let (who, count) = (self.who, batch(TEXT));
        let mut opens = |both: &mut C, row| {
            let sealed: Vec<_> = (0..count).map(|_| both.seal(End::Alice, &text)).collect();
            let open = timed(count, |number| {
                black_box(both.open(End::Bob, &sealed[number]));
            });
            board.add(row, who, open);
        };
        opens(&mut both, row_names::UNSTORED);
        for _ in 0..SKIPPED {
            both.seal(End::Alice, &text);
        }
        let late = both.seal(End::Alice, &text);
        let skip = timed(1, |_| {
            black_box(both.open(End::Bob, &late));
        });
        opens(&mut both, row_names::STORED);
        board.add(row_names::SKIP, who, skip);
        let mut sealed = Vec::with_capacity(count);
        board.add(row_names::SEAL_STORED, who, timed(count, |_| sealed.push(both.seal(End::Bob, &text))));
        keep(&both, who, [row_names::SAVE_STORED, row_names::LOAD_STORED, row_names::RECORD_STORED], board);
    }
}

fn keep<C: ImplementationUnderTest>(
    both: &C,
    who: Who,
    [save, load, size]: [&str; 3],
    board: &mut Measurements,
) {
    let stored = both.stored(End::Bob);
    let loading = timed(STORES, |_| both.load(End::Bob, &stored));
    let saving = timed(STORES, |_| {
        black_box(both.save(End::Bob));
    });
    // What only exists in its stored form has to be loaded to be saved.
    board.add(save, who, if C::LOADS_TO_SAVE { saving - loading } else { saving });
    board.add(load, who, loading);
    board.add(size, who, stored.len() as f64);
}

impl<C: ImplementationUnderTest> Runner for Sessions<C> {
    fn run(&mut self, part: Part, board: &mut Measurements) {
        match part {
            Part::Steady(length) => self.steady(length, board),
            Part::Bursts => self.bursts(board),
            Part::Turns => self.turns(board),
            Part::Handshake => self.handshake(board),
            Part::Skip => self.skip(board),
            Part::Keep => {
                keep(&self.steady, self.who, [row_names::SAVE, row_names::LOAD, row_names::RECORD], board)
            }
        }
    }
}

/// The bare primitives.
pub(crate) struct Floor {
    steady: Steady,
    turns: Turns,
    handshake: Handshake,
}

impl Floor {
    pub(crate) fn new() -> Self {
        Self { steady: Steady::new(), turns: Turns::new(), handshake: Handshake::new() }
    }

    fn steady(&mut self, length: usize, [sealing, opening]: [&str; 2], board: &mut Measurements) {
        let (count, text) = (batch(length), vec![b'x'; length]);
        let (mut letters, mut out) = (vec![Letter::room(length); count], Letter::opened(length));
        let seal = timed(count, |number| self.steady.seal(&text, &mut letters[number]));
        let open = timed(count, |number| {
            black_box(self.steady.open(&mut letters[number], &mut out));
        });
        assert_eq!(out[..length], text, "the floor lost its text");
        board.add(sealing, Who::Floor, seal);
        board.add(opening, Who::Floor, open);
    }

    fn turns(&mut self, board: &mut Measurements) {
        let text = [b'x'; 1024];
        let (mut letter, mut out) = (Letter::room(text.len()), Letter::opened(text.len()));
        let each = timed(EPOCH, |number| {
            if number == 0 {
                self.turns.exchange();
            }
            self.turns.turn(&text, &mut letter, &mut out);
        });
        board.add(row_names::PING_PONG, Who::Floor, each);
    }

    fn handshake(&mut self, board: &mut Measurements) {
        let text = [b'x'; TEXT];
        let mut out = Letter::opened(TEXT);
        for _ in 0..HANDSHAKES {
            let mut first = None;
            board.add(row_names::SETUP, Who::Floor, timed(1, |_| first = Some(self.handshake.start(&text))));
            let mut first = first.unwrap();
            let open = timed(1, |_| {
                black_box(self.handshake.answer(&mut first, &mut out));
            });
            assert_eq!(out[..TEXT], text, "the floor lost its text");
            board.add(row_names::FIRST_OPEN, Who::Floor, open);
        }
    }

    fn skip(&mut self, board: &mut Measurements) {
        let (mut letter, mut out) = (Letter::room(TEXT), Letter::opened(TEXT));
        self.steady.lose(SKIPPED);
        self.steady.seal(&[b'x'; TEXT], &mut letter);
        let skip = timed(1, |_| {
            black_box(self.steady.open_ahead(SKIPPED, &mut letter, &mut out));
        });
        board.add(row_names::SKIP, Who::Floor, skip);
    }
}

impl Runner for Floor {
    fn run(&mut self, part: Part, board: &mut Measurements) {
        match part {
            Part::Steady(length) => {
                self.steady(length, [&row_names::seal(length), &row_names::open(length)], board);
            }
            Part::Bursts => self.steady(TEXT, [row_names::SEAL_BURST, row_names::OPEN_BURST], board),
            Part::Turns => self.turns(board),
            Part::Handshake => self.handshake(board),
            Part::Skip => self.skip(board),
            Part::Keep => {}
        }
    }
}
