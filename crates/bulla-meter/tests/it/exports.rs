//! Tables for other programs.

use bulla_meter::{
    Event, PricingCategory, Statement, StatementParts, Step, focus_csv, rows_csv, rows_json_lines, usage_csv,
    usage_json_lines,
};

use crate::bills::{ACCOUNT, Account, facts, tag};
use crate::cards::instant;

fn account() -> Account {
    let mut account = Account::in_month("2026-10-01");
    for (number, category, at) in [
        (1, PricingCategory::Utility, "2026-10-05T08:10:00Z"),
        (2, PricingCategory::Utility, "2026-10-05T08:50:00Z"),
        (3, PricingCategory::Marketing, "2026-10-31T22:59:00Z"),
    ] {
        account.ledger.apply(&Event::new(tag(number), facts(category, 49), Step::Delivered, instant(at)));
    }
    account
}

fn statement(account: &Account) -> Statement {
    let parts = StatementParts::new(ACCOUNT, account.period, &account.zone, &account.tariff);
    Statement::new(parts, &account.leaves()).unwrap()
}

#[test]
fn rows_are_written_in_their_order_with_exact_amounts() {
    let statement = statement(&account());
    let expected = "kind,account,statement,period_from,period_to,number,market,category,type,tier,unit,units,\
                    amount,currency\r\n\
                    usage,102290129340398,0,2026-10-01T00:00,2026-11-01T00:00,106,+49,utility,regular,0,message,2,\
                    0.091200,EUR\r\n\
                    usage,102290129340398,0,2026-10-01T00:00,2026-11-01T00:00,106,+49,marketing,regular,0,message,\
                    1,0.113100,EUR\r\n";
    assert_eq!(rows_csv(&statement), expected);
    let lines = rows_json_lines(&statement);
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.contains(r#""units":"2","amount":"0.091200","currency":"EUR"}"#), "{lines}");
}

#[test]
fn counts_have_the_hour_of_the_accounts_clock() {
    let account = account();
    let counts = account.ledger.usage().counts();
    let table = usage_csv(&counts, &account.zone);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines[1], "102290129340398,106,2026-10-05,10:00,+49,utility,closed,ordinary,2");
    assert_eq!(lines[2], "102290129340398,106,2026-10-31,23:00,+49,marketing,closed,ordinary,1");
    assert_eq!(usage_json_lines(&counts, &account.zone).lines().count(), 2);
}

#[test]
fn the_columns_of_focus_are_in_utc() {
    let table = focus_csv(&statement(&account()));
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("BillingAccountId,BillingCurrency,BillingPeriodStart"));
    assert!(
        lines[1].starts_with("102290129340398,EUR,2026-09-30T22:00:00Z,2026-10-31T23:00:00Z"),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains(",utility/49/regular/0,106,2,messages,0.091200,0.091200,"), "{}", lines[1]);
}
