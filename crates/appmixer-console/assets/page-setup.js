// Making the first administrator, with the link that the server has written into its log.

import { h } from './dom.js?v=VERSION';
import { textField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { setUp } from './session.js?v=VERSION';

export const title = 'Make the first administrator';

export function render({ page, heading, route, onsignedin }) {
  const username = textField({
    name: 'username', label: 'Username', autocomplete: 'username', required: true,
    hint: 'In the form of an email address, as in admin@example.com',
  });
  const password = textField({
    name: 'password', label: 'Password', type: 'password', autocomplete: 'new-password', required: true,
  });
  const again = textField({
    name: 'again', label: 'The password again', type: 'password', autocomplete: 'new-password', required: true,
    verify: (text) => (text === password.value() ? null : 'is not the same'),
  });
  const form = makeForm({
    fields: [username, password, again],
    submit: 'Make the administrator',
    onsubmit: async () => {
      await setUp(route.parts[1], username.value().trim(), password.value());
      onsignedin();
    },
  });
  page.classList.add('narrow');
  page.append(h(
    'div',
    { class: 'card stack' },
    heading,
    h('p', { class: 'muted' }, 'This link works once, for a day, and only as long as there is no administrator. ',
      h('a', { href: '#/' }, 'Sign in instead')),
    form.element,
  ));
  return { focus: username.focus };
}
