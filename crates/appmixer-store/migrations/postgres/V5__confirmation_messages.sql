-- A message that carries a confirmation code is removed with the code. In a transaction of its own: other nodes lock
-- `users` and `outbox` in either order.
ALTER TABLE outbox ADD COLUMN confirmation_code BYTEA REFERENCES confirmation_codes (digest) ON DELETE CASCADE;
CREATE INDEX outbox_by_confirmation_code ON outbox (confirmation_code);
