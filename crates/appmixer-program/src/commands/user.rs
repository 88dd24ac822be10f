//! `user`: the users, from the command line.

use appmixer_core::{
    ChangePasswordError, ChangeUserError, Context, Email, InvalidProfile, Metadata, Names, Plan, Privileges,
    QueueKey, Scope, Scopes, SignUp, SignUpError, User, UserChange, Username, Vendor, change_user,
    create_user, delete_user, send_confirmation, set_password, sign_out_everywhere,
};
use serde_json::{Value, json};

use super::{beside, choosing_beside, export, import, lists, operator};
use crate::cli::{UserCommand, UserFields};
use crate::database::IfMissing;
use crate::failure::Failure;
use crate::output::outln;
use crate::prompt;
use crate::workbench::{find_user, system_config};

pub(crate) fn run(command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Add { name, email, fields, password_stdin, common } => {
            let names = names(&name, email.as_deref())?;
            let fields = Fields::read(&fields)?;
            choosing_beside(&common, IfMissing::Create, async |_, ctx| {
                add(ctx, names, fields, password_stdin).await
            })
        }
        UserCommand::List { selection, json, common } => lists::list(&selection, json, &common),
        UserCommand::Count { filters, json, common } => lists::count(&filters, json, &common),
        UserCommand::Confirm { user, common } => beside(&common, async |_, ctx| confirm(ctx, &user).await),
        UserCommand::SignOut { user, common } => beside(&common, async |_, ctx| sign_out(ctx, &user).await),
        UserCommand::Show { user, json, common } => beside(&common, async |_, ctx| {
            let user = find_user(ctx, &user).await?;
            print_user(&user, json);
            Ok(())
        }),
        UserCommand::Set { user, username, email, fields, json, common } => {
            let username = username.map(|name| Username::parse(&name)).transpose();
            let email = email.map(|name| Email::parse(&name)).transpose();
            let change = Fields::read(&fields)?.into_change(
                username.map_err(|error| wrong("--username", &error))?,
                email.map_err(|error| wrong("--email", &error))?,
            );
            beside(&common, async |_, ctx| set(ctx, &user, change, json).await)
        }
        UserCommand::ResetPassword { user, password_stdin, common } => {
            let work = async |_: &_, ctx: &Context| reset_password(ctx, &user, password_stdin).await;
            choosing_beside(&common, IfMissing::Refuse, work)
        }
        UserCommand::Delete { user, yes, common } => {
            beside(&common, async |_, ctx| delete(ctx, &user, yes).await)
        }
        UserCommand::Import(args) => import::run(&args),
        UserCommand::Export { file, force, common } => export::run(&file, force, &common),
    }
}

fn names(name: &str, email: Option<&str>) -> Result<Names, Failure> {
    let username = Username::parse_new(name).map_err(|error| wrong("the name", &error))?;
    let email = email.map(Email::parse_new).transpose().map_err(|error| wrong("--email", &error))?;
    Names::new(Some(username), email).ok_or_else(|| Failure::refused("a user needs a name"))
}

fn wrong(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::refused(format!("{what} {error}"))
}

/// The flags, read. What was not given is `None`.
struct Fields {
    scopes: Option<Scopes>,
    plan: Option<Plan>,
    vendor: Option<Vendor>,
    is_active: Option<bool>,
    metadata: Option<Metadata>,
}

impl Fields {
    fn read(flags: &UserFields) -> Result<Self, Failure> {
        let given = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        Ok(Self {
            scopes: given(&flags.scope).map(Scopes::parse).transpose().map_err(|e| wrong("--scope:", &e))?,
            plan: flags.plan.as_deref().map(Plan::parse).transpose().map_err(|e| wrong("--plan", &e))?,
            vendor: given(&flags.vendor).map(Vendor::parse).transpose().map_err(|e| wrong("--vendor", &e))?,
            is_active: flags.active,
            metadata: flags.metadata.as_deref().map(metadata).transpose()?,
        })
    }

    fn into_change(self, username: Option<Username>, email: Option<Email>) -> UserChange {
        UserChange {
            username,
            email,
            scopes: self.scopes,
            plan: self.plan,
            vendor: self.vendor,
            is_active: self.is_active,
            metadata: self.metadata,
            ..UserChange::default()
        }
    }
}

fn metadata(text: &str) -> Result<Metadata, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => {
            Metadata::new(object).map_err(|error: InvalidProfile| wrong("--metadata", &error))
        }
        _ => Err(Failure::refused("--metadata must be a JSON object")),
    }
}

async fn add(ctx: &Context, names: Names, fields: Fields, password_stdin: bool) -> Result<(), Failure> {
    let config = system_config(ctx).await?;
    let password = prompt::new_password(password_stdin)?;
    let Fields { scopes, plan, vendor, is_active, metadata } = fields;
    if let Some(scopes) = &scopes {
        scopes.check_added_to(&Scopes::none()).map_err(|error| wrong("--scope:", &error))?;
    }
    let privileges = Privileges { scopes, plan, vendor, is_active };
    let new = SignUp { names, password, metadata, privileges };
    let user = create_user(ctx, &config, &operator(), new, QueueKey::COMMAND).await;
    let user = user.map_err(|error| match error {
        SignUpError::Password(error) => wrong("the password", &error),
        SignUpError::NameTaken => {
            Failure::refused("the name is taken; `user set` and `user reset-password` change who is there")
        }
        other => Failure::refused(other.to_string()),
    })?;
    outln!("{}", user.id);
    Ok(())
}

async fn set(ctx: &Context, user: &str, change: UserChange, json: bool) -> Result<(), Failure> {
    if change.is_empty() {
        return Err(Failure::refused("nothing to change; `user set --help` lists what can be"));
    }
    let user = find_user(ctx, user).await?;
    if let Some(scopes) = &change.scopes {
        scopes.check_added_to(&user.scopes).map_err(|error| wrong("--scope:", &error))?;
    }
    if let Some((member, reason)) = change.refused_name(&user) {
        return Err(wrong(&format!("--{member}"), &reason));
    }
    let config = system_config(ctx).await?;
    let changed =
        change_user(ctx, &config, &operator(), user.id, change).await.map_err(|error| match error {
            ChangeUserError::Write(error) => error.into(),
            ChangeUserError::Code(error) => Failure::refused(error.to_string()),
        })?;
    print_user(&changed, json);
    Ok(())
}

async fn reset_password(ctx: &Context, user: &str, password_stdin: bool) -> Result<(), Failure> {
    let user = find_user(ctx, user).await?;
    let password = prompt::new_password(password_stdin)?;
    set_password(ctx, &operator(), &user, password, QueueKey::COMMAND).await.map_err(
        |error| match error {
            ChangePasswordError::Refused(error) => wrong("the password", &error),
            other => Failure::refused(other.to_string()),
        },
    )?;
    outln!("the password is set, and the user is signed out everywhere");
    Ok(())
}

async fn confirm(ctx: &Context, user: &str) -> Result<(), Failure> {
    let user = find_user(ctx, user).await?;
    if !user.confirmation_pending {
        return Err(Failure::refused(if user.is_active {
            "the user is active already"
        } else {
            "the user is not pending: an administrator may have deactivated the user; `user set --active true` activates it"
        }));
    }
    let sent = send_confirmation(ctx, &system_config(ctx).await?, &operator(), &user).await;
    if !sent.map_err(|error| Failure::refused(error.to_string()))? {
        return Err(Failure::refused(
            "no code can be sent: `config set` MAIL_SMTP_HOST or WEBHOOK_USER_CONFIRM first",
        ));
    }
    outln!("a code for {} waits for delivery by the server", user.id);
    Ok(())
}

async fn sign_out(ctx: &Context, user: &str) -> Result<(), Failure> {
    let id = find_user(ctx, user).await?.id;
    sign_out_everywhere(ctx, &operator(), id).await?;
    outln!("signed out {id} everywhere");
    Ok(())
}

async fn delete(ctx: &Context, user: &str, yes: bool) -> Result<(), Failure> {
    let user = find_user(ctx, user).await?;
    if !yes {
        prompt::consent(&format!("Delete {} ({}) for good?", user.names.username.as_str(), user.id))?;
    }
    delete_user(ctx, &system_config(ctx).await?, &operator(), user.id).await?;
    outln!("deleted {}", user.id);
    Ok(())
}

pub(super) fn scopes(user: &User) -> String {
    user.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(", ")
}

/// What the API shows an administrator.
pub(super) fn view(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.names.username.as_str(),
        "isActive": user.is_active,
        "email": user.names.email.as_str(),
        "scope": user.scopes,
        "plan": user.plan,
        "metadata": user.metadata,
        "vendor": user.vendor,
        "created": user.created,
        "modified": user.modified,
        "confirmationPending": user.confirmation_pending,
    })
}

fn print_user(user: &User, json: bool) {
    if json {
        outln!("{}", view(user));
        return;
    }
    outln!("id        {}", user.id);
    outln!("username  {}", user.names.username.as_str());
    outln!("email     {}", user.names.email.as_str());
    outln!("scope     {}", scopes(user));
    outln!("plan      {}", user.plan.as_str());
    let pending = if user.confirmation_pending { " (the address is not confirmed yet)" } else { "" };
    outln!("isActive  {}{pending}", user.is_active);
    outln!("vendor    {}", json!(user.vendor));
    outln!("metadata  {}", json!(user.metadata));
    outln!("created   {}", user.created);
    outln!("modified  {}", user.modified);
}
