// The pages of the authorization server on which a user logs in and out. Every password is accepted.
import { text } from 'node:stream/consumers';

const page = (heading, form) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading}</title>
<style>
  body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 24rem; margin: 4rem auto; padding: 0 1rem; color-scheme: light dark; }
  label { display: block; margin-bottom: 1rem; }
  input, button { font: inherit; padding: .4rem .8rem; }
  input { box-sizing: border-box; display: block; width: 100%; }
</style>
<h1>${heading}</h1>
${form}
</html>`;

const LOGIN = page('Provider', `<form method="post">
  <label>Name <input name="login" maxlength="40" required autofocus></label>
  <label>Password <input name="password" type="password" required></label>
  <button>Log in</button>
</form>`);

// Shows the login page, or logs the user in who has submitted its form.
export async function interact(provider, request, response) {
  const { prompt } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(LOGIN);
    return;
  }
  const accountId = new URLSearchParams(await text(request)).get('login');
  const result = prompt.name === 'login' && accountId
    ? { login: { accountId, acr: 'password', amr: ['pwd'] } }
    : { error: 'access_denied' };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

// Asks the user whether to log out.
export async function logoutPage(ctx, form) {
  ctx.body = page('Log out?', `${form}
<button form="op.logoutForm" name="logout" value="yes">Log out</button>`);
}

export async function loggedOutPage(ctx) {
  ctx.body = page('Logged out', '');
}
