//! `LegacyHash`: the frameworks whose hashes can be verified.

/// A framework whose password hashes are verified, so that its table of users can move as it is.
///
/// Such a hash is never created: a login replaces it by an Argon2id hash. A hash that costs more than bcrypt 16,
/// 4,000,000 rounds of PBKDF2, 256 MiB of memory, or for scrypt more than N 2^20, r 32 or p 16, is not verified.
///
/// If several of the configured formats have the same text (`$2y$10$..` is one of `Bcrypt`, `Devise`, `Laravel` and
/// `WordPress`), it is read as the first of them.
///
/// Without a further variant, an Argon2 hash of PHP, Laravel or any other framework is verified if it has the text form
/// `$argon2id$v=19$m=..,t=..,p=..$salt$hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LegacyHash {
    /// bcrypt: `$2a$`, `$2b$` and `$2y$`, as PHP and most libraries write them.
    ///
    /// `$2x$` (a faulty implementation of 2011) and `$2$` never verify. bcrypt ignores what follows 72 bytes, so a longer
    /// password is rejected unless the builder allows the truncation.
    Bcrypt,
    /// scrypt in the PHC form of passlib and RustCrypto: `$scrypt$ln=17,r=8,p=1$salt$hash`.
    Scrypt,
    /// PBKDF2 in the form of passlib, `$pbkdf2-sha256$29000$salt$hash`, and of RustCrypto,
    /// `$pbkdf2-sha256$i=600000,l=32$salt$hash`; also with `pbkdf2-sha512`, and of passlib `pbkdf2` (SHA-1).
    Pbkdf2,
    /// Django: `pbkdf2_sha256$`, `pbkdf2_sha1$`, `argon2$`, `bcrypt_sha256$`, `bcrypt$` and `scrypt$`.
    ///
    /// An unusable password (`!..`) and the MD5 and SHA-1 hashes of old versions never verify.
    Django,
    /// Werkzeug, the library of Flask: `scrypt:32768:8:1$salt$hash` and `pbkdf2:sha256:1000000$salt$hash`.
    ///
    /// The `sha256$`, `md5$` and `plain$` of old versions never verify.
    Werkzeug,
    /// Devise, the library of Rails: bcrypt of the password, followed by the pepper if one is set.
    Devise,
    /// Laravel: bcrypt as `$2y$`.
    Laravel,
    /// Spring Security's `DelegatingPasswordEncoder`, with its defaults: `{bcrypt}`, `{pbkdf2}`, `{scrypt}`, `{argon2}`
    /// and the last three with `@SpringSecurity_v5_8`.
    ///
    /// `{noop}`, `{ldap}`, `{MD5}`, `{SHA-1}`, `{sha256}` and other ids never verify.
    Spring,
    /// ASP.NET Core Identity, version 3: base64 of a header, salt and PBKDF2 key.
    ///
    /// Version 2 has 1,000 rounds of SHA-1, and verifies only if the builder allows it.
    AspNet,
    /// Better Auth: scrypt as `salt:hash` in hexadecimal.
    BetterAuth,
    /// WordPress 6.8 and later: `$wp$2y$`, and `$2y$` of plug-ins.
    ///
    /// The `$P$` of earlier versions (MD5) never verifies.
    WordPress,
}
