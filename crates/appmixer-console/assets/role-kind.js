// What a rule's role matches. The server decides it; docs/api.md ("Roles in access rules") has the table.

const isDomain = (word) => word.includes('.');
/** `joe@acme.com`, or `@acme.com`: one @, and something behind it. */
const isName = (role) => /^[^@]*@[^@]+$/.test(role);
const isBare = (role) => role !== '*' && !/^(group|scope):/.test(role) && !isName(role);

/** The kind of a rule's role, as `acl list` shows it. */
export function roleKind({ role, action }) {
  if (role === '*') return 'every user';
  if (role.startsWith('group:')) return 'group';
  if (role.startsWith('scope:')) return 'scope';
  if (isName(role)) return role.startsWith('@') ? 'domain' : 'email address';
  const denies = action.some((word) => word.startsWith('!'));
  if (denies && action.every((word) => word.startsWith('!'))) return 'scope or domain';
  const kind = isDomain(role) ? 'domain' : 'scope';
  return denies ? `${kind}; its denials: scope or domain` : kind;
}

/** Whether a role is meant for an email address or a domain, which users choose themselves where sign-up is open. */
export function isByAddress({ role }) {
  return isBare(role) ? isDomain(role) : isName(role) && !/^(group|scope):/.test(role);
}
