use crate::wire::empty_record;

empty_record! {
    /// A button that sends where the user is.
    pub struct LocationRequest;
}

empty_record! {
    /// A button that sends the user's own phone number, as a contact.
    pub struct ContactInfoRequest;
}
