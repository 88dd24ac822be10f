// Who is signed in. The token is in a cookie that scripts cannot read; here is only what the server tells of it.

import { onSessionTrouble, request, setCsrf } from './api.js?v=VERSION';
import { h } from './dom.js?v=VERSION';
import { openDialog } from './dialog.js?v=VERSION';
import { textField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';

let session = null;

/** The user who is signed in, or `null`. */
export const currentUser = () => session?.user ?? null;

function keep(data) {
  session = data;
  setCsrf(data?.csrf ?? null);
  return data;
}

/** Asks whether the cookie is good: after the page was loaded. */
export async function restore() {
  try {
    return keep((await request('GET', 'session')).data);
  } catch (error) {
    if (error.status === 401 || error.status === 403) return keep(null);
    throw error;
  }
}

export async function signIn(username, password) {
  return keep((await request('POST', 'session', { body: { username, password } })).data);
}

/** Makes the first administrator with the code of the link in the server's log. */
export async function setUp(code, username, password) {
  return keep((await request('POST', 'setup', { body: { code, username, password } })).data);
}

export async function signOut() {
  try {
    await request('DELETE', 'session');
  } catch (error) {
    // What has ended already needs no ending.
    if (error.status !== 401 && error.status !== 403) throw error;
  }
  keep(null);
}

let asking = null;

/** Asks for the password over the page, whose input stays as it is. Everybody who waits shares one dialog. */
function signInAgain() {
  if (session === null) return Promise.resolve(false);
  asking ??= ask().finally(() => {
    asking = null;
  });
  return asking;
}

async function ask() {
  const before = session.user;
  const username = textField({
    name: 'username', label: 'Username or email', value: before.username, autocomplete: 'username', required: true,
  });
  const password = textField({
    name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true,
  });
  setCsrf(null);
  const good = await openDialog({
    title: 'Your session has ended',
    body: (close) => {
      const form = makeForm({
        fields: [username, password],
        submit: 'Sign in',
        cancel: { label: 'Leave', action: () => close(false) },
        onsubmit: async () => {
          await signIn(username.value(), password.value());
          close(true);
        },
      });
      return [h('p', {}, 'Sign in to go on. What you have typed on the page is kept.'), form.element];
    },
    focus: password.input,
  });
  if (!good) {
    keep(null);
    window.dispatchEvent(new Event('console-signed-out'));
    return false;
  }
  // Somebody else must not find what the one before had on the screen, nor send it off.
  if (session.user.id !== before.id) {
    location.reload();
    return false;
  }
  return true;
}

/** Whether the CSRF token was an old one, and is now another. */
async function refreshCsrf() {
  const before = session;
  if (before === null) return false;
  const now = await restore().catch(() => before);
  if (now === null) {
    keep(before);
    return signInAgain();
  }
  if (now.user.id !== before.user.id) {
    location.reload();
    return false;
  }
  return now.csrf !== before.csrf;
}

onSessionTrouble({ signInAgain, refreshCsrf });
