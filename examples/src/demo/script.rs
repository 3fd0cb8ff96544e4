//! What is said.

use bulla::content::MAX_TEXT_CHARS;

/// Something the user writes, and what the business answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) asks: String,
    /// Whether the user writes it as an answer to the last thing the business said.
    pub(super) asks_in_context: bool,
    pub(super) answer: String,
    /// What the business puts on the user's message.
    pub(super) business_reacts: Option<&'static str>,
    /// What the user puts on the business's answer.
    pub(super) user_reacts: Option<&'static str>,
}

/// How many messages a user writes in a row, before the answers to all of them are awaited.
pub(super) const IN_A_ROW: usize = 3;

const LINES: [(&str, &str); 20] = [
    ("Hello, this is {name}. Are you open today?", "Hello {name}! Until six, and until eight on Fridays."),
    ("Do you have tulips?", "Red, white and yellow. White ones came in this morning."),
    ("🌷🌷🌷!", "🌷 it is. How many?"),
    ("שלום, אפשר זר של עשרים צבעונים לבנים?", "בשמחה! עשרים צבעונים לבנים. 💐"),
    ("و بطاقة مكتوب عليها «عيد ميلاد سعيد»", "«عيد ميلاد سعيد»، بخط اليد. ✍️"),
    ("One card in \"both\" languages,\nplease: \\o/", "\tBoth languages,\r\non one card."),
    ("What does that come to?", "38.50 for the flowers; the card is on us."),
    ("👩🏽‍🚀 she is an astronaut, you know", "🚀 Then we will put in a star. 🇺🇳🏳️‍🌈"),
    ("Wonderful. 🙏🏿", "1️⃣ star, 2️⃣0️⃣ tulips."),
    ("Where do you deliver?", "Everywhere the tram goes."),
    ("To Plantage 7, then.", "Plantage 7, noted."),
    ("Ring twice, the bell is slow.", "Twice. 🔔🔔"),
    ("When will it be there?", "Between two and three."),
    ("Can it be after three?", "Half past three, then."),
    ("日本語もできますか？", "少しだけ。ありがとうございます。"),
    ("Does the price hold for next week?", "It does until the 30th."),
    ("Then a second one, the same, on the 28th.", "The same again on the 28th, for {name}."),
    ("Can I pay when it comes?", "Cash or card, at the door."),
    ("My mother sends her regards: Zażółć gęślą jaźń.", "Ours to her! Příliš žluťoučký kůň."),
    ("That was all. Thank you!", "Thank you, {name}. See you at half past three."),
];

/// The conversation of the user called `name`.
pub(super) fn of(name: &str) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = LINES
        .iter()
        .enumerate()
        .map(|(place, (asks, answer))| Exchange {
            asks: asks.replace("{name}", name),
            asks_in_context: place % 5 == 4,
            answer: answer.replace("{name}", name),
            business_reacts: (place % 7 == 2).then_some("👍🏾"),
            user_reacts: (place % 8 == 7).then_some("❤️"),
        })
        .collect();
    exchanges.push(Exchange {
        asks: longest(&format!("{name} on tulips, at length. 🌷 ")),
        asks_in_context: false,
        answer: longest(&format!("Our answer to {name}, at the same length. ж ")),
        business_reacts: None,
        user_reacts: None,
    });
    exchanges
}

/// As long a text as there can be, in characters.
fn longest(phrase: &str) -> String {
    phrase.chars().cycle().take(MAX_TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_says_at_least_twenty_things_and_gets_as_many_answers() {
        let (alice, amira) = (of("Alice"), of("Amira"));
        assert!(alice.len() > 20 && amira.len() == alice.len());
        assert!(alice.iter().any(|exchange| exchange.asks.chars().count() == MAX_TEXT_CHARS));
        let reactions = alice.iter().filter(|exchange| exchange.user_reacts.is_some()).count();
        assert!(reactions > 0 && alice.iter().any(|exchange| exchange.business_reacts.is_some()));
    }
}
