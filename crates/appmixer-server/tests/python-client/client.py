"""Signs up, signs in and reads, by a client that openapi-python-client has generated from /openapi.json.

Arguments: the server's URL and an administrator's token. The package stands in the working directory.
"""

import sys

from appmixer_user_api_client import AuthenticatedClient, Client
from appmixer_user_api_client.api.account import get_user, sign_in, sign_up
from appmixer_user_api_client.api.system_configuration import set_config_entry
from appmixer_user_api_client.api.users import list_users
from appmixer_user_api_client.models import NewConfigEntry, SignInByEmail, SignInByUsername, SignUpByUsername

url, admin = sys.argv[1:]
anyone = Client(base_url=url)
assert sign_up.sync(client=anyone, body=SignUpByUsername(username="py@acme", password="abc321")).token
signed_in = sign_in.sync(client=anyone, body=SignInByEmail(email="py@acme", password="abc321"))
user = get_user.sync(client=AuthenticatedClient(base_url=url, token=signed_in.token))
assert (user.username, user.scope) == ("py@acme", ["user"]), user
refused = sign_in.sync(client=anyone, body=SignInByUsername(username="py@acme", password="abc322"))
assert refused.status_code == 403, refused

administrator = AuthenticatedClient(base_url=url, token=admin)
assert len(list_users.sync(client=administrator, limit=1)) == 1
entry = set_config_entry.sync(client=administrator, body=NewConfigEntry(key="APP_NAME", value="Acme"))
assert entry.value == "Acme", entry
print("done")
