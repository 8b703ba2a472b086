//! Numbers as people read them.

/// `71,909,756`
pub(in crate::cli) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 line`, `2,398 lines`
pub(in crate::cli) fn count_of(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!(
        "{} {thing}{plural}",
        grouped(u64::try_from(number).unwrap_or(u64::MAX))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let numbers = [0, 7, 999, 1000, 71_909_756, u64::MAX].map(grouped);
        assert_eq!(numbers[..4], ["0", "7", "999", "1,000"]);
        assert_eq!(numbers[4..], ["71,909,756", "18,446,744,073,709,551,615"]);
    }

    #[test]
    fn one_thing_is_not_many() {
        assert_eq!(
            [0, 1, 2398].map(|number| count_of(number, "line")),
            ["0 lines", "1 line", "2,398 lines"]
        );
    }
}
