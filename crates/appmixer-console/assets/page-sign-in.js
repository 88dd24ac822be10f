// Signing in.

import { h } from './dom.js?v=VERSION';
import { textField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { signIn } from './session.js?v=VERSION';

export const title = 'Sign in';

export function render({ page, heading, onsignedin }) {
  const username = textField({ name: 'username', label: 'Username or email', autocomplete: 'username', required: true });
  const password = textField({
    name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true,
  });
  const form = makeForm({
    fields: [username, password],
    submit: 'Sign in',
    onsubmit: async () => {
      try {
        await signIn(username.value().trim(), password.value());
      } catch (error) {
        password.set('');
        password.focus();
        throw error;
      }
      onsignedin();
    },
  });
  page.classList.add('narrow');
  page.append(
    h('div', { class: 'card stack' }, heading, h('p', { class: 'muted' }, 'For administrators of this server.'), form.element),
  );
  return { focus: username.focus };
}
