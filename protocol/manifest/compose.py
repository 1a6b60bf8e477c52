"""A service: every key of Compose that one engine per node can carry out. Names, short forms and defaults are Compose's.

What is refused is refused by name, with the reason and what to do instead; a few keys that only tools on somebody's own machine
read are passed over. The larger sections have pages of their own: ports, storage, networks, files, deploy.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from protocol.manifest.deploy import Deploy, Deployment
from protocol.manifest.extension import OfService
from protocol.manifest.files import Uses
from protocol.manifest.forms import (
    Cgroup,
    CgroupRule,
    ContainerName,
    Exposed,
    HostOnly,
    Ipc,
    MacAddress,
    NetworkMode,
    Platform,
    Processors,
    PullPolicy,
    SecurityOpt,
    Servers,
    Signal,
    Swap,
)
from protocol.manifest.network import Attachments
from protocol.manifest.port import PortItem
from protocol.manifest.section import (
    WHOLE,
    Count,
    Cpus,
    Duration,
    Environment,
    Flag,
    Micros,
    Number,
    Pairs,
    Section,
    Size,
    Texts,
    Words,
)
from protocol.manifest.settings import DependsOnAll, DeviceItem, ExtraHosts, Healthcheck, Logging, Ulimits
from protocol.manifest.storage import MountItem, Tmpfs

_BY_UP = "is read on your machine; publish it with `bramble up`"
_WINDOWS = "only Windows knows it; remove it"
_ENGINE_WAITS = "engines know no such hook; do it in the image's entrypoint"

REFUSED = {
    "blkio_config": "it names the disks of one machine, and nodes differ; remove it",
    "build": "nodes do not build; push the image to a registry, and name it under `image`",
    "cpu_count": _WINDOWS,
    "cpu_percent": _WINDOWS,
    "cpu_rt_period": "no kernel of a Pi schedules containers in real time; remove it",
    "cpu_rt_runtime": "no kernel of a Pi schedules containers in real time; remove it",
    "credential_spec": _WINDOWS,
    "env_file": f"the file {_BY_UP}, which sends its variables",
    "extends": f"the other service {_BY_UP}, which puts both together",
    "external_links": "there are no links; put both on one network, and use the other's name there",
    "gpus": "no Pi has a GPU that an engine could count; map its path with `devices`",
    "isolation": _WINDOWS,
    "label_file": f"the file {_BY_UP}, which sends its labels",
    "links": "services of a stack reach each other by name; remove it, and for another name use `networks` with `aliases`",
    "models": "nodes run containers, and no models beside them; run the model in a service",
    "post_start": _ENGINE_WAITS,
    "pre_start": "engines know no such hook; make it a service of its own, and wait for it with `depends_on`",
    "pre_stop": _ENGINE_WAITS,
    "provider": "it calls a program of your machine; remove it",
    "pull_refresh_after": "an image is pulled again when its digest is another; remove it",
    "umask": "engines take none; set it in the image's entrypoint",
    "use_api_socket": "it gives away your machine's credentials; mount the node's /var/run/docker.sock if you mean that",
    "volumes_from": "no task knows another's container; give both a volume of one name",
}


class Service(Section):
    """One service."""

    refused: ClassVar = REFUSED
    passed_over: ClassVar = {
        "attach": "it tells a terminal whose output to show",
        "develop": "it tells a developer's tools what to watch",
    }

    image: str = Field(min_length=1)
    command: Words | None = None
    entrypoint: Words | None = None
    environment: Environment = {}
    labels: Pairs = {}
    annotations: Pairs = {}
    ports: list[PortItem] = []
    expose: list[Exposed] = []
    volumes: list[MountItem] = []
    tmpfs: Tmpfs = []
    configs: Uses = []
    secrets: Uses = []
    networks: Attachments = {}
    network_mode: NetworkMode = ""
    depends_on: DependsOnAll = {}
    profiles: list[str] = []
    healthcheck: Healthcheck | None = None
    logging: Logging | None = None
    restart: str = ""
    scale: Annotated[int, Field(ge=0), WHOLE] | None = None
    pull_policy: PullPolicy | None = None
    platform: Platform = ""
    runtime: str = ""
    devices: list[DeviceItem] = []
    device_cgroup_rules: list[CgroupRule] = []
    cap_add: list[str] = []
    cap_drop: list[str] = []
    security_opt: SecurityOpt = []
    sysctls: Pairs = {}
    storage_opt: Pairs = {}
    group_add: list[Number] = []
    privileged: Flag = False
    read_only: Flag = False
    init: Flag = False
    tty: Flag = False
    stdin_open: Flag = False
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    container_name: ContainerName = ""
    domainname: str = ""
    mac_address: MacAddress = ""
    dns: Servers = []
    dns_search: Texts = []
    dns_opt: list[str] = []
    extra_hosts: ExtraHosts = []
    ipc: Ipc = ""
    pid: HostOnly = ""
    uts: HostOnly = ""
    userns_mode: HostOnly = ""
    cgroup: Cgroup = ""
    cgroup_parent: str = ""
    cpus: Cpus = 0.0
    cpuset: Processors = ""
    cpu_shares: Count = 0
    cpu_quota: Micros = 0
    cpu_period: Micros = 0
    mem_limit: Size = 0
    mem_reservation: Size = 0
    mem_swappiness: Annotated[int, Field(ge=0, le=100), WHOLE] | None = None
    memswap_limit: Swap = 0
    shm_size: Size = 0
    pids_limit: Annotated[int, Field(ge=-1), WHOLE] = 0
    oom_kill_disable: Flag = False
    oom_score_adj: Annotated[int, Field(ge=-1000, le=1000), WHOLE] = 0
    ulimits: Ulimits = {}
    stop_signal: Signal = ""
    stop_grace_period: Duration = 10.0
    deploy: Deployment = Deploy()
    x_bramble: OfService = Field(OfService(), alias="x-bramble")
