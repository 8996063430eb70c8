"""A JupyterHub of local processes; each server's environment is set as Helm's `singleuser.extraEnv` would."""

import json
import os
import sys

given = json.loads(os.environ["HUB_OF_THIS_TEST"])
c = get_config()  # noqa: F821  JupyterHub's own

c.JupyterHub.bind_url = f"http://127.0.0.1:{given['port']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{given['hub_port']}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{given['proxy_port']}"
c.ConfigurableHTTPProxy.command = [given["proxy"]]
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.cookie_secret_file = f"{given['folder']}/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "driver", "api_token": given["token"]}]
c.JupyterHub.load_roles = [
    {"name": "driver", "services": ["driver"], "scopes": ["admin:users", "admin:servers", "tokens"]}
]
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{given['folder']}/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", f"--ServerApp.jpserver_extensions={given['extensions']}", *given["arguments"]]
# Kubernetes puts each user's name in; the local spawner takes a function instead
c.Spawner.environment = {
    **given["environment"],
    "BOX_ROOT_FOLDER": lambda spawner: f"{given['root']}/{spawner.user.name}",
}
