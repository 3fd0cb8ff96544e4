//! How a user's first device approves of another: the line that the other shows is typed on the first.

use bulla::base::DeviceId;
use bulla::device::{Device, Identity};
use bulla::store::Store;
use bulla::transport::Transport;

use crate::carrier_log::hex;

/// What is to be typed on the first device to have `device`, which has this identity, among the user's.
pub(super) fn line(device: DeviceId, identity: &Identity) -> String {
    format!("/approve {} {}", device.number(), hex(&identity.to_bytes()))
}

/// Has `first` list the device that was typed behind `/approve `. Which it is, or why it is not listed.
pub(super) async fn approve<S: Store, T: Transport>(
    first: &Device<S, T>,
    typed: &str,
) -> Result<DeviceId, String> {
    let (device, identity) = read(typed).ok_or("type the line that the other device shows")?;
    match first.approve_device(device, &identity).await {
        Ok(true) => Ok(device),
        Ok(false) => Err("the first device approves of the others, and of nobody else".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn read(typed: &str) -> Option<(DeviceId, Identity)> {
    let (number, digits) = typed.trim().split_once(' ')?;
    let device = DeviceId::new(number.parse().ok()?).ok()?;
    let nibbles: Option<Vec<u32>> = digits.trim().chars().map(|digit| digit.to_digit(16)).collect();
    let (pairs, []) = nibbles.as_deref()?.as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect();
    Some((device, Identity::from_bytes(&bytes?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The point of which X25519 is made.
    fn identity() -> Identity {
        let mut key = [0; 33];
        (key[0], key[1]) = (5, 9);
        Identity::from_bytes(&key).unwrap()
    }

    #[test]
    fn the_line_that_is_shown_is_read_and_no_other() {
        let device = DeviceId::new(2).unwrap();
        let shown = line(device, &identity());
        let typed = shown.strip_prefix("/approve ").unwrap();
        assert_eq!(read(typed), Some((device, identity())));
        assert_eq!(read(&format!("{typed} \n")), Some((device, identity())));
        let other = |from: &str, to: &str| typed.replacen(from, to, 1);
        for bad in [
            String::new(),
            "2".into(),
            other("2", "11"),
            other("05", "5"),
            other("05", "xx"),
            other("05", "06"),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }
}
