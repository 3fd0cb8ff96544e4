//! The errors that clients of the Cloud API know.

/// An error, as its documentation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorCode {
    pub(crate) code: u32,
    /// The status of HTTP, where it is an answer.
    pub(crate) status: u16,
    pub(crate) title: &'static str,
}

/// The error with this code.
pub(crate) fn find(code: u32) -> Option<ErrorCode> {
    ALL.iter().copied().find(|error| error.code == code)
}

impl ErrorCode {
    /// Whether it is one of those after which a client tries again, and is told when.
    pub(crate) const fn is_throttling(self) -> bool {
        self.status == 429
    }
}

const fn error(code: u32, status: u16, title: &'static str) -> ErrorCode {
    ErrorCode { code, status, title }
}

/// All there are, by their codes.
pub(crate) const ALL: &[ErrorCode] = &[
    error(0, 401, "AuthException"),
    error(1, 400, "API Unknown"),
    error(2, 503, "API Service"),
    error(3, 500, "API Method"),
    error(4, 429, "API Too Many Calls"),
    error(10, 403, "Permission Denied"),
    error(33, 400, "Parameter value is not valid"),
    error(100, 400, "Invalid parameter"),
    error(190, 401, "Access token has expired"),
    error(200, 403, "API Permission"),
    error(299, 403, "API Permission"),
    error(368, 403, "Temporarily blocked for policies violations"),
    error(80_007, 429, "Rate limit issues"),
    error(130_429, 429, "Rate limit hit"),
    error(130_472, 400, "User's number is part of an experiment"),
    error(130_497, 403, "Business account is restricted from messaging users in this country"),
    error(131_000, 500, "Something went wrong"),
    error(131_005, 403, "Access denied"),
    error(131_008, 400, "Required parameter is missing"),
    error(131_009, 400, "Parameter value is not valid"),
    error(131_016, 500, "Service unavailable"),
    error(131_020, 400, "Group is not available"),
    error(131_021, 400, "Recipient cannot be sender"),
    error(131_026, 400, "Message undeliverable"),
    error(131_030, 400, "Recipient phone number not in allowed list"),
    error(131_031, 403, "Account has been locked"),
    error(131_037, 400, "Display name is not approved"),
    error(131_041, 400, "Group cannot be changed"),
    error(131_042, 400, "Business eligibility payment issue"),
    error(131_045, 500, "Incorrect certificate"),
    error(131_047, 400, "Re-engagement message"),
    error(131_048, 429, "Spam rate limit hit"),
    error(131_049, 400, "Message not delivered to maintain healthy ecosystem engagement"),
    error(131_050, 400, "User has stopped marketing messages"),
    error(131_051, 400, "Message type unknown"),
    error(131_052, 400, "Media download error"),
    error(131_053, 400, "Media upload error"),
    error(131_056, 429, "(Business Account, Consumer Account) pair rate limit hit"),
    error(131_057, 500, "Account in maintenance mode"),
    error(131_059, 400, "Group request failed"),
    error(131_060, 400, "Message unavailable"),
    error(131_062, 400, "Recipient by user id is not supported for this message"),
    error(131_063, 400, "Marketing templates are disabled for the Cloud API"),
    error(131_064, 400, "Messaging limit due to template misclassification"),
    error(131_201, 400, "Group error 131201"),
    error(131_202, 400, "Group error 131202"),
    error(131_203, 400, "Group error 131203"),
    error(131_204, 400, "Group error 131204"),
    error(131_205, 400, "Group error 131205"),
    error(131_206, 400, "Group error 131206"),
    error(131_207, 400, "Group error 131207"),
    error(131_208, 400, "Group error 131208"),
    error(131_209, 400, "Group error 131209"),
    error(131_210, 400, "Group error 131210"),
    error(131_211, 400, "Group error 131211"),
    error(131_212, 400, "Group error 131212"),
    error(131_213, 400, "Group error 131213"),
    error(131_214, 400, "Group error 131214"),
    error(131_215, 400, "Group error 131215"),
    error(132_000, 400, "Template parameter count mismatch"),
    error(132_001, 404, "Template does not exist"),
    error(132_005, 400, "Template hydrated text too long"),
    error(132_007, 400, "Template format character policy violated"),
    error(132_008, 400, "Template parameter is not valid"),
    error(132_012, 400, "Template parameter format mismatch"),
    error(132_015, 400, "Template is paused"),
    error(132_016, 400, "Template is disabled"),
    error(132_068, 400, "Flow is blocked"),
    error(132_069, 400, "Flow is throttled"),
    error(133_000, 500, "Incomplete deregistration"),
    error(133_004, 503, "Server temporarily unavailable"),
    error(133_005, 400, "Two step verification PIN mismatch"),
    error(133_006, 400, "Phone number re-verification needed"),
    error(133_008, 400, "Too many two step verification PIN guesses"),
    error(133_009, 400, "Two step verification PIN guessed too fast"),
    error(133_010, 400, "Phone number not registered"),
    error(133_015, 400, "Please wait a few minutes before attempting to register this phone number"),
    error(133_016, 429, "Account register or deregister rate limit exceeded"),
    error(134_011, 403, "Payments terms of service have not been accepted"),
    error(135_000, 400, "Generic user error"),
    error(137_000, 400, "Recipient identity key mismatch"),
    error(138_000, 403, "Calling error 138000"),
    error(138_001, 400, "Calling error 138001"),
    error(138_002, 400, "Calling error 138002"),
    error(138_003, 400, "Calling error 138003"),
    error(138_004, 400, "Calling error 138004"),
    error(138_005, 400, "Calling error 138005"),
    error(138_006, 400, "Calling error 138006"),
    error(138_007, 400, "Calling error 138007"),
    error(138_008, 400, "Calling error 138008"),
    error(138_009, 400, "Calling error 138009"),
    error(138_010, 400, "Calling error 138010"),
    error(138_011, 400, "Calling error 138011"),
    error(138_012, 400, "Calling error 138012"),
    error(138_013, 400, "Calling error 138013"),
    error(138_014, 400, "Calling error 138014"),
    error(138_015, 400, "Calling error 138015"),
    error(138_016, 400, "Calling error 138016"),
    error(138_017, 400, "Calling error 138017"),
    error(138_018, 400, "Calling error 138018"),
    error(139_000, 400, "Flow integrity error"),
    error(139_001, 400, "Flow cannot be updated"),
    error(139_002, 400, "Flow cannot be published"),
    error(139_003, 400, "Flow cannot be deprecated"),
    error(139_004, 400, "Flow cannot be deleted"),
    error(139_100, 400, "Failed to block or unblock users"),
    error(139_101, 400, "Block list limit reached"),
    error(139_102, 400, "Block list concurrent update"),
    error(139_103, 400, "Block list internal error"),
    error(147_001, 400, "Username error 147001"),
    error(147_002, 400, "Username error 147002"),
    error(147_003, 400, "Username error 147003"),
    error(147_004, 400, "Username error 147004"),
    error(147_005, 400, "Username error 147005"),
    error(2_388_012, 400, "Phone number migration error"),
    error(2_388_019, 400, "Template limit exceeded"),
    error(2_388_040, 400, "Template field character limit exceeded"),
    error(2_388_047, 400, "Template header is not valid"),
    error(2_388_073, 400, "Template body is not valid"),
    error(2_388_103, 400, "Phone number migration error"),
    error(2_388_293, 400, "Template has too many variables for its length"),
    error(2_388_299, 400, "Template begins or ends with a variable"),
    error(2_494_100, 500, "Phone number is in maintenance mode"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_once_and_in_their_order_and_are_errors() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(ALL.iter().all(|error| (400..=599).contains(&error.status) && error.title.is_ascii()));
        assert!(find(130_429).unwrap().is_throttling() && !find(131_047).unwrap().is_throttling());
        assert_eq!(find(7), None);
    }
}
