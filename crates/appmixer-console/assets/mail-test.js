// Sends a test mail, and shows what the mail server answers.

import { api } from './api.js?v=VERSION';
import { openDialog } from './dialog.js?v=VERSION';
import { fill, h } from './dom.js?v=VERSION';
import { textField } from './field.js?v=VERSION';
import { makeForm } from './form.js?v=VERSION';
import { loading } from './notice.js?v=VERSION';
import { currentUser } from './session.js?v=VERSION';

/** Opens the dialog; resolves when it is closed. */
export function testMail() {
  const address = textField({ name: 'address', label: 'Send it to', value: currentUser()?.email ?? '', required: true });
  const verdict = h('div', { role: 'status' });
  return openDialog({
    title: 'Send a test mail',
    focus: address.input,
    body: (close) => [
      h('p', {}, 'One mail is sent with the settings that are saved. The mail server may take half a minute to answer.'),
      makeForm({
        fields: [address],
        submit: 'Send',
        cancel: { label: 'Close', action: () => close() },
        onsubmit: async () => {
          fill(verdict, loading('Sending'));
          try {
            const { data } = await api('POST', '/config/MAIL_SMTP_HOST/test', { body: { address: address.value() } });
            fill(verdict, h('div', { class: data.delivered ? 'verdict good' : 'verdict bad' },
              h('strong', {}, data.delivered ? 'The mail server took the mail' : 'The mail was not sent'),
              h('p', {}, data.answer)));
          } catch (error) {
            fill(verdict);
            throw error;
          }
        },
      }).element,
      verdict,
    ],
  });
}
