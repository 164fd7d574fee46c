//! A call of `adopt`, as it comes from SQL, and what it asks for.

use org_scope_core::Error;
use org_scope_core::adopt::{Adopted, NoAdoption, SourceTable, Standing, Told};
use org_scope_core::org::OrgType;
use org_scope_core::policy::{Column, Facts};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use crate::pg::types;
use crate::policy::adopted;
use crate::policy::fallback::{self, Form, Question};

/// The arguments.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) org_column: String,
    pub(crate) org_type: Oid,
    pub(crate) lookup: Option<String>,
    pub(crate) legacy_column: Option<String>,
    pub(crate) parent: Option<Oid>,
    pub(crate) parent_key: Option<String>,
    pub(crate) expression: Option<String>,
    pub(crate) constant: Option<String>,
}

/// What is asked for, looked at.
pub(super) struct Asked {
    pub(super) facts: Facts,
    pub(super) standing: Standing,
    pub(super) adopted: Adopted,
    /// The table that is asked, where one is.
    pub(super) source: Option<SourceTable>,
    /// The org column's type, as the server prints it.
    pub(super) type_name: String,
    /// The same as the catalog has it.
    base_type: String,
}

fn ident(name: &str) -> Result<Ident, Error> {
    Ident::new(name).map_err(|_| Error::BadName)
}

impl Options {
    fn told(&self) -> Result<Result<Told, NoAdoption>, Error> {
        let legacy = self.legacy_column.as_deref().map(ident).transpose()?;
        let named = || legacy.clone().ok_or(NoAdoption::NoLegacy);
        Ok(match (&self.lookup, self.parent, &self.expression, &self.constant) {
            (Some(lookup), None, None, None) => {
                let lookup = ident(lookup)?;
                named().map(|legacy| Told::Lookup { lookup, legacy })
            }
            (None, Some(_), None, None) => named().map(|legacy| Told::Parent { legacy }),
            (None, None, Some(text), None) => Ok(Told::Expression { text: text.clone(), legacy }),
            (None, None, None, Some(org)) => Ok(Told::Constant { org: org.clone(), legacy }),
            _ => Err(NoAdoption::NotOneSource),
        })
    }

    /// Looks at the table and at what is to tell of its rows.
    ///
    /// # Errors
    /// OS009 where it can't be adopted so, 22023 where the call can't be.
    pub(super) fn look(&self, target: Oid) -> Result<Asked, Error> {
        let Some(facts) = adopted::read(target) else {
            return Err(Error::NoSuchRelation { oid: target.to_u32() });
        };
        let no = |why| Error::NoAdoption { table: facts.table(), why: Box::new(why) };
        let org = ident(&self.org_column)?;
        let told = self.told()?.map_err(no)?;
        let question = Question { org: Some(&org), legacy: told.legacy(), parent: self.parent };
        let Some(standing) = fallback::standing(target, question) else {
            return Err(Error::NoSuchRelation { oid: target.to_u32() });
        };
        if facts.kind != 'r' || facts.is_partition || !facts.parents.is_empty() || adopted::has_family(target)
        {
            return Err(no(NoAdoption::NotPlain));
        }
        if standing.fenced && standing.adopt.is_none() {
            return Err(no(NoAdoption::Protected));
        }
        let (base_type, type_name) = self.org_type(&org, &standing).map_err(no)?;
        // Of a constant nothing is known that could be contradicted.
        let has_default = standing.org.as_ref().is_some_and(|column| column.has_default);
        if has_default && standing.adopt.is_none() && !matches!(told, Told::Constant { .. }) {
            return Err(no(NoAdoption::Default(org)));
        }
        self.check_legacy(&standing, &told).map_err(no)?;
        let (source, from) = fallback::resolve(target, &standing, &told, &base_type, Form::Bare)?;
        if standing.adopt.is_some() {
            let stands = fallback::known(target)?;
            if stands.adopted.source != source || stands.adopted.org != org {
                return Err(no(NoAdoption::OtherSource(stands.adopted.source.words())));
            }
        }
        let family = fallback::family(&base_type).unwrap_or(OrgType::Text);
        let adopted = Adopted { table: facts.table(), org, family, source };
        Ok(Asked { facts, standing, adopted, source: from, type_name, base_type })
    }

    /// The org column's type as the catalog and as statements name it.
    fn org_type(&self, org: &Ident, standing: &Standing) -> Result<(String, String), NoAdoption> {
        let wrong = || NoAdoption::OrgType { column: org.clone(), wanted: "text".to_owned() };
        let Some(column) = &standing.org else {
            let (base, name) = types::org_type(self.org_type).ok_or_else(wrong)?;
            return Ok((base.to_owned(), name.to_owned()));
        };
        if column.computed {
            return Err(NoAdoption::Computed(org.clone()));
        }
        if column.not_null && standing.adopt.is_none() {
            return Err(NoAdoption::NotNull(org.clone()));
        }
        column.family().ok_or_else(wrong)?;
        Ok((column.own_type.1.clone(), column.type_name.clone()))
    }

    fn check_legacy(&self, standing: &Standing, told: &Told) -> Result<(), NoAdoption> {
        let Some(name) = told.legacy() else { return Ok(()) };
        let Some(legacy) = &standing.legacy else { return Err(NoAdoption::NoColumn(name.clone())) };
        let Told::Parent { .. } = told else { return Ok(()) };
        let asked = self.parent_key.as_deref();
        let leads = legacy.parent.as_ref().is_some_and(|p| asked.is_none_or(|key| key == p.key.raw()));
        let parent = self.parent.and_then(adopted::read);
        match (leads, parent) {
            (true, _) => Ok(()),
            (false, Some(parent)) => Err(NoAdoption::NoForeignKey {
                legacy: name.clone(),
                parent: parent.table(),
                key: asked
                    .and_then(|key| Ident::new(key).ok())
                    .map_or_else(|| "...".into(), |k| k.to_string()),
            }),
            (false, None) => Err(NoAdoption::NoColumn(name.clone())),
        }
    }
}

impl Asked {
    /// The org column as it will be.
    pub(super) fn column(&self) -> Column {
        Column {
            name: self.adopted.org.clone(),
            quoted: self.adopted.org.to_string(),
            type_name: self.type_name.clone(),
            type_oid: 0,
            base_type: ("pg_catalog".to_owned(), self.base_type.clone()),
            is_domain: false,
            deterministic: true,
            not_null: false,
            generated: false,
            identity: false,
            readable: true,
            default: None,
        }
    }
}
