//! Which template somebody may have meant.

use crate::limits::COMPARED_NAME_CHARS;

/// Which of `names` comes nearest to `wanted`, if one comes near: a third of its letters may be others.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = wanted.len().min(COMPARED_NAME_CHARS) / 3;
    let near = names.into_iter().map(|name| (distance(wanted, name), name));
    near.filter(|(distance, _)| *distance <= most.max(1)).min().map(|(_, name)| name)
}

/// How many letters have to be put, taken away or changed to make one of the other; of the first
/// [`COMPARED_NAME_CHARS`] of each.
fn distance(one: &str, other: &str) -> usize {
    let one = one.as_bytes().iter().take(COMPARED_NAME_CHARS);
    let other: Vec<u8> = other.bytes().take(COMPARED_NAME_CHARS).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in (1..).zip(one) {
        // What stands to the upper left, above, and to the left of each place.
        let (mut corner, mut left) = (above - 1, above);
        for (place, across) in row.iter_mut().skip(1).zip(&other) {
            let least = (*place + 1).min(left + 1).min(corner + usize::from(letter != across));
            (corner, *place, left) = (*place, least, least);
        }
        if let Some(first) = row.first_mut() {
            *first = above;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (one, other, count) in
            [("", "", 0), ("a", "", 1), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)]
        {
            assert_eq!(distance(one, other), count, "{one} {other}");
            assert_eq!(distance(other, one), count, "{one} {other}");
        }
    }

    #[test]
    fn the_nearest_is_named_if_one_is_near() {
        let names = ["order_shipped", "order_update", "hello_world"];
        assert_eq!(nearest("order_updates", names), Some("order_update"));
        assert_eq!(nearest("helo_wrld", names), Some("hello_world"));
        assert_eq!(nearest("goodbye", names), None);
    }
}
