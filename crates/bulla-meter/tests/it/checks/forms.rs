use bulla_base::Timestamp;
use bulla_meter::{
    Answers, BillingProof, Comparison, Entry, Event, Facts, Hour, Leaf, MessageTag, Question, RateCard, Side,
    SignedStatement, Statement, StatementFault, Step, Tariff, UsageKey, Volume, Zone, focus_csv, rows_csv,
    rows_json_lines,
};

/// What is read back or comes from the other side, by the first byte: a card, a zone, an entry, a leaf, a
/// statement, a signed one, a proof, a question, answers, the name of a count, facts. Whether it was any.
pub(crate) fn check(bytes: &[u8]) -> bool {
    let Some((which, form)) = bytes.split_first() else { return false };
    match which {
        0 => card(form),
        1 => zone(form),
        2 => entry(form),
        3 => leaf(form),
        4 => statement(form),
        5 => signed_statement(form),
        6 => proof(form),
        7 => question(form),
        8 => answers(form),
        9 => usage_key(form),
        10 => facts(form),
        _ => return false,
    }
    .is_some()
}

fn card(bytes: &[u8]) -> Option<()> {
    let read = RateCard::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes);
    let tariff = Tariff::new(&read, &Zone::utc());
    for price in read.prices() {
        let traits = bulla_meter::Traits::message(price.category(), price.market()?).with_unit(price.unit());
        for hour in [0, 29_000_000, u32::MAX] {
            let rate =
                tariff.rate(Hour::from_minutes(hour), traits, Volume::new(u64::MAX, u64::MAX), Some(1));
            assert!(rate.is_err() || rate.is_ok_and(|rate| rate.amount(u32::MAX).micros() >= 0));
        }
    }
    Some(())
}

fn zone(bytes: &[u8]) -> Option<()> {
    let read = Zone::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes);
    for millis in [0, 1_790_000_000_000, u64::MAX] {
        let hour = read.hour(Timestamp::from_millis(millis));
        assert!(u64::from(hour.minutes()) <= millis / 60_000);
        let month = read.month(read.date(hour));
        assert!(month.from() <= month.to());
    }
    Some(())
}

fn entry(bytes: &[u8]) -> Option<()> {
    let mut read = Entry::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes);
    let facts = Facts::from_bytes(bytes.get(9..33)?.try_into().ok()?)?;
    let tag = MessageTag::from_bytes([0; 16]);
    for step in [Step::Read, Step::Charged(0), Step::Delivered] {
        let transition = read.apply(&Event::new(tag, facts, step, Timestamp::from_millis(0)), &Zone::utc());
        assert!(transition.changes().count() <= 2);
    }
    assert!(read.delivery(&Zone::utc()).is_some());
    assert!(Entry::from_bytes(&read.to_bytes()) == Ok(read));
    Some(())
}

fn leaf(bytes: &[u8]) -> Option<()> {
    let read = Leaf::from_bytes(bytes.try_into().ok()?).ok()?;
    assert!(read.to_bytes()[..] == *bytes && read.amount().micros() >= 0);
    Some(())
}

fn statement(bytes: &[u8]) -> Option<()> {
    let read = Statement::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes);
    told(&read);
    let card = RateCard::new("other", read.currency(), Vec::new(), Vec::new(), Vec::new()).unwrap();
    assert!(read.verify(&[], &card, &[]) == Err(StatementFault::OtherCard), "nobody finds a card for a hash");
    Some(())
}

fn told(statement: &Statement) {
    let lines = 1 + statement.rows().len() + statement.adjustments().len();
    assert!(rows_csv(statement).matches("\r\n").count() >= lines);
    assert!(rows_json_lines(statement).lines().count() == lines - 1);
    assert!(focus_csv(statement).lines().count() >= lines);
    let _total = statement.total();
}

fn signed_statement(bytes: &[u8]) -> Option<()> {
    let read = SignedStatement::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes);
    let _is_signed = read.verify(read.issuer(), read.issuer());
    Some(())
}

fn proof(bytes: &[u8]) -> Option<()> {
    let read = BillingProof::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes);
    Some(())
}

fn question(bytes: &[u8]) -> Option<()> {
    let read = Question::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes);
    let side = Side::new(Zone::utc(), Vec::new()).unwrap();
    let answers = side.answer(&read).unwrap();
    assert!(answers.parts().len() == read.places().len());
    assert!(Answers::from_bytes(&answers.to_bytes()) == Ok(answers));
    Some(())
}

fn answers(bytes: &[u8]) -> Option<()> {
    let read = Answers::from_bytes(bytes).ok()?;
    assert!(read.to_bytes() == bytes);
    let side = Side::new(Zone::utc(), Vec::new()).unwrap();
    let mut comparison = Comparison::new(&side);
    comparison.question();
    if comparison.answer(&read).is_ok() {
        // Whatever was said, what is asked next is a question.
        let next = comparison.question().map(|question| question.to_bytes());
        assert!(next.is_none_or(|bytes| Question::from_bytes(&bytes).is_ok()));
    }
    Some(())
}

fn usage_key(bytes: &[u8]) -> Option<()> {
    let read = UsageKey::from_bytes(bytes.try_into().ok()?)?;
    assert!(read.to_bytes()[..] == *bytes);
    assert!(UsageKey::new(read.account(), read.number(), read.hour(), read.traits()) == read);
    Some(())
}

fn facts(bytes: &[u8]) -> Option<()> {
    let read = Facts::from_bytes(bytes.try_into().ok()?)?;
    assert!(read.to_bytes()[..] == *bytes);
    Some(())
}
