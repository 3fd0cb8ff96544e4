//! Codes that lead a user to a number, with words to begin with.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::fields::{Selection, pick};
use super::media::origin;
use super::page::{self, PageAsked};
use super::parameters::Parameters;
use super::qr_picture::{PICTURE, PictureFormat};
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_PREFILLED_CHARS, QR_CODE_CHARS};
use crate::{RelayApi, TokenLookup};

/// What a code is written with: no digit that looks like a letter.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Lists the codes of a number, makes one or changes its words.
    pub(super) async fn qr_codes(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => {
                let (codes, sides) = self.all_kept(business, Kind::QrCode, PageAsked::of(head)?).await?;
                let (selection, picture) = (Selection::of(head)?, PictureFormat::asked(head)?);
                let code = |(place, kept)| {
                    let whole = self.qr_code_json(head, (business, &kept), picture)?;
                    Ok((place, pick(selection.as_ref(), whole)))
                };
                let codes = codes.into_iter().map(code).collect::<Result<_, ApiError>>()?;
                page::listed(head, &self.settings, codes, sides)
            }
            Method::POST => {
                let said = self.parameters(head, body).await?;
                let known = said.text("code", QR_CODE_CHARS)?.filter(|code| !code.is_empty());
                self.put_qr_code(head, &said, (business, known)).await
            }
            Method::DELETE => {
                let code =
                    super::request_headers::query(head, "code").ok_or_else(|| ApiError::missing("code"))?;
                self.delete_qr_code(business, &code).await
            }
            _ => Err(ApiError::method(Methods::GetPostOrDelete)),
        }
    }

    /// Makes a code, or changes the words of one that is `known`.
    async fn put_qr_code(
        &self,
        head: &Parts,
        said: &Parameters,
        (business, known): (PhoneNumberId, Option<String>),
    ) -> Result<Value, ApiError> {
        let words = said.required("prefilled_message", MAX_PREFILLED_CHARS)?;
        let picture = said.text("generate_qr_image", 8)?.filter(|name| !name.is_empty());
        let picture = picture.map(|name| PictureFormat::read("generate_qr_image", &name)).transpose()?;
        let code = known.clone().unwrap_or_else(|| self.draw_code());
        let put = |kept: &mut Option<Kept>| {
            if known.is_some() && kept.is_none() {
                return Err(ApiError::number());
            }
            let record = kept.get_or_insert_default();
            record.insert("code".into(), code.clone().into());
            record.insert("prefilled_message".into(), words.clone().into());
            Ok(record.clone())
        };
        let kept = self.change(business, (Kind::QrCode, &code), put).await?;
        self.qr_code_json(head, (business, &kept), picture)
    }

    /// Tells of one code, changes its words, or deletes it.
    pub(super) async fn qr_code(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (business, code): (PhoneNumberId, &str),
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => {
                let kept = self.kept(business, (Kind::QrCode, code)).await?.ok_or_else(ApiError::number)?;
                let whole = self.qr_code_json(head, (business, &kept), PictureFormat::asked(head)?)?;
                Ok(json!({ "data": [pick(Selection::of(head)?.as_ref(), whole)] }))
            }
            // As it was documented once, and as some clients have it.
            Method::POST => {
                let said = self.parameters(head, body).await?;
                self.put_qr_code(head, &said, (business, Some(code.to_owned()))).await
            }
            Method::DELETE => self.delete_qr_code(business, code).await,
            _ => Err(ApiError::method(Methods::GetPostOrDelete)),
        }
    }

    async fn delete_qr_code(&self, business: PhoneNumberId, code: &str) -> Result<Value, ApiError> {
        let delete = |kept: &mut Option<Kept>| kept.take().map(drop).ok_or_else(ApiError::number);
        self.change(business, (Kind::QrCode, code), delete).await?;
        Ok(json!({ "success": true }))
    }

    /// What is told of a code; of its picture, where that is asked for.
    fn qr_code_json(
        &self,
        head: &Parts,
        (business, kept): (PhoneNumberId, &Kept),
        picture: Option<PictureFormat>,
    ) -> Result<Value, ApiError> {
        let code = kept.get("code").and_then(Value::as_str).unwrap_or_default();
        let mut told = json!({
            "code": code,
            "prefilled_message": kept.get("prefilled_message"),
            "deep_link_url": self.deep_link(head, code)?,
        });
        if let Some(format) = picture {
            let (origin, format) = (origin(head, &self.settings)?, format.name());
            told[PICTURE] = format!("{origin}/{business}/message_qrdls/{code}/image?format={format}").into();
        }
        Ok(told)
    }

    /// What a code leads to.
    pub(super) fn deep_link(&self, head: &Parts, code: &str) -> Result<String, ApiError> {
        match &self.settings.deep_link {
            Some(begins) => Ok(format!("{begins}{code}")),
            None => Ok(format!("{}/message/{code}", origin(head, &self.settings)?)),
        }
    }

    fn draw_code(&self) -> String {
        let mut bytes = [0; QR_CODE_CHARS];
        self.rng.fill(&mut bytes);
        let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from);
        bytes.iter().filter_map(letter).collect()
    }
}
