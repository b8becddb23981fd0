//! The formats that are known. Each is from its provider's documentation, or from keys that it gives out.

use super::format::{Format, Rest, Rest::AtLeast, Rest::Exactly, Rest::Parts};
use super::runs::Class::{Alphanumeric, Base64, Digit, Dotted, Hex, Upper, Word};

macro_rules! formats {
    ($($kind:literal: $($prefix:literal)|+, $rest:expr;)*) => {
        /// Every format, by provider.
        pub(super) const FORMATS: &[Format] = &[$($(Format { kind: $kind, prefix: $prefix, rest: $rest },)+)*];
    };
}

/// Slack's tokens: numbers, and a key.
const SLACK: Rest = Parts('-', &[(Digit, 9), (Digit, 9), (Word, 20)]);

formats! {
    "age-key": "AGE-SECRET-KEY-1", Exactly(Upper, 58);
    "airtable-key": "pat", Parts('.', &[(Alphanumeric, 14), (Hex, 64)]);
    "anthropic-key": "sk-ant-", AtLeast(Word, 32);
    "atlassian-token": "ATATT3" | "ATCTT3", AtLeast(Base64, 60);
    "aws-access-key-id": "AKIA" | "ASIA" | "ABIA" | "ACCA", Exactly(Upper, 16);
    "cargo-token": "cio", Exactly(Alphanumeric, 32);
    "databricks-token": "dapi", Exactly(Hex, 32);
    "digitalocean-token": "dop_v1_" | "doo_v1_" | "dor_v1_", Exactly(Hex, 64);
    "docker-token": "dckr_pat_" | "dckr_oat_", AtLeast(Word, 27);
    "doppler-token": "dp.pt." | "dp.st." | "dp.ct.", AtLeast(Dotted, 40);
    "dynatrace-token": "dt0c01." | "dt0s16.", Parts('.', &[(Upper, 24), (Upper, 64)]);
    "easypost-key": "EZAK" | "EZTK", Exactly(Alphanumeric, 54);
    "figma-token": "figd_" | "figo_", AtLeast(Word, 40);
    "fly-token": "fm1_" | "fm2_" | "fo1_", AtLeast(Base64, 40);
    "github-token": "ghp_" | "gho_" | "ghu_" | "ghs_" | "ghr_", Exactly(Alphanumeric, 36);
    "github-fine-grained-token": "github_pat_", AtLeast(Word, 60);
    "gitlab-token": "glpat-" | "gldt-" | "glrt-" | "glft-" | "glsoat-" | "glcbt-" | "glptt-", AtLeast(Dotted, 20);
    "google-api-key": "AIza", Exactly(Word, 35);
    "google-client-secret": "GOCSPX-", Exactly(Word, 28);
    "google-oauth-token": "ya29.", AtLeast(Word, 20);
    "grafana-token": "glc_" | "glsa_" | "eyJrIjoi", AtLeast(Base64, 32);
    "groq-key": "gsk_", AtLeast(Alphanumeric, 40);
    "heroku-key": "HRKU-", AtLeast(Word, 36);
    "hugging-face-token": "hf_" | "api_org_", Exactly(Alphanumeric, 34);
    "linear-key": "lin_api_" | "lin_oauth_", AtLeast(Alphanumeric, 40);
    "mailgun-key": "key-", Exactly(Hex, 32);
    "netlify-token": "nfp_", AtLeast(Alphanumeric, 36);
    "new-relic-key": "NRAK-" | "NRJS-", AtLeast(Upper, 19);
    "notion-token": "ntn_" | "secret_", AtLeast(Alphanumeric, 43);
    "npm-token": "npm_", Exactly(Alphanumeric, 36);
    "1password-token": "ops_eyJ", AtLeast(Base64, 100);
    "openai-key": "sk-proj-" | "sk-svcacct-" | "sk-admin-" | "sk-None-" | "sk-or-v1-", AtLeast(Word, 40);
    "secret-key": "sk-", AtLeast(Alphanumeric, 32);
    "openshift-token": "sha256~", AtLeast(Word, 43);
    "perplexity-key": "pplx-", AtLeast(Alphanumeric, 40);
    "planetscale-token": "pscale_tkn_" | "pscale_pw_" | "pscale_oauth_", AtLeast(Word, 32);
    "postman-key": "PMAK-", Parts('-', &[(Hex, 24), (Hex, 34)]);
    "pulumi-token": "pul-", Exactly(Hex, 40);
    "pypi-token": "pypi-AgEIcHlwaS5vcmc" | "pypi-AgENdGVzdC5weXBpLm9yZw", AtLeast(Word, 50);
    "replicate-token": "r8_", AtLeast(Alphanumeric, 37);
    "rubygems-key": "rubygems_", Exactly(Hex, 48);
    "sendgrid-key": "SG.", Parts('.', &[(Word, 20), (Word, 40)]);
    "sentry-token": "sntrys_" | "sntryu_", AtLeast(Base64, 40);
    "shopify-token": "shpat_" | "shpca_" | "shppa_" | "shpss_", Exactly(Hex, 32);
    "slack-token": "xoxb-" | "xoxp-" | "xoxa-" | "xoxr-" | "xoxs-" | "xoxo-" | "xoxe.xoxb-" | "xoxe.xoxp-", SLACK;
    "slack-app-token": "xapp-", Parts('-', &[(Digit, 1), (Upper, 9), (Digit, 9), (Alphanumeric, 32)]);
    "slack-webhook": "hooks.slack.com/services/", Parts('/', &[(Upper, 8), (Upper, 8), (Alphanumeric, 20)]);
    "square-token": "sq0atp-" | "sq0csp-" | "EAAA", AtLeast(Word, 22);
    "stripe-key": "sk_live_" | "sk_test_" | "rk_live_" | "rk_test_" | "whsec_", AtLeast(Alphanumeric, 20);
    "supabase-key": "sbp_", Exactly(Hex, 40);
    "tailscale-key": "tskey-", AtLeast(Word, 20);
    "twilio-key": "SK", Exactly(Hex, 32);
    "vault-token": "hvs." | "hvb." | "hvr.", AtLeast(Word, 24);
    "xai-key": "xai-", AtLeast(Alphanumeric, 60);
}
