//! `UserFrom`: users of another session library.

use axum::routing::get;
use portcullis::session::UserFrom;
use portcullis::{Permission, RequirePermission, UserContext};

use super::*;

/// What the other library puts into the extensions.
#[derive(Clone)]
struct Login(Option<&'static str>);

fn app(login: Option<Login>, auth: UserFrom) -> Router {
    let app = Router::new()
        .route(
            "/",
            get(async |user: Option<UserContext>| user.map_or("anonymous".to_owned(), |user| user.id().to_owned())),
        )
        .route("/admin", get(|| async {}).layer(RequirePermission::new("admin:all").unwrap()))
        .layer(auth);
    match login {
        Some(login) => app.layer(axum::Extension(login)),
        None => app,
    }
}

fn auth() -> UserFrom {
    UserFrom::extension(|Login(user): &Login| {
        user.map(|user| UserContext::new(user).with_permissions([Permission::new(&format!("{user}:all")).unwrap()]))
    })
}

#[tokio::test]
async fn the_user_of_an_extension_passes_requirements() {
    for (user, path, status) in [
        (Some("ann"), "/", 200),
        (Some("ann"), "/admin", 403),
        (Some("admin"), "/admin", 200),
        (None, "/", 401),
        (None, "/admin", 401),
    ] {
        let response = Browser::default().get(&app(Some(Login(user)), auth()), path).await;
        assert_eq!(response.status, status, "{user:?} {path}");
        assert_eq!(response.challenge().contains("Session"), status == 401 || status == 403);
    }
    let open = app(Some(Login(None)), auth().to_optional());
    assert_eq!(Browser::default().get(&open, "/").await.body, "anonymous");
}

#[tokio::test]
async fn without_the_other_layer_the_response_is_500_and_never_anonymous() {
    let logs = crate::support::log_capture::LogCapture::start();
    for auth in [auth(), auth().to_optional()] {
        assert_eq!(Browser::default().get(&app(None, auth), "/").await.status, 500);
    }
    assert_eq!(logs.count("UserFrom requires the layer that inserts this extension"), 2);
}
