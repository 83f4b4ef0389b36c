import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { clusterCa } from "./cluster-ca.ts";
import { clusterBackup } from "./cluster-backup.ts";
import { clusterGossipKey } from "./cluster-gossip-key.ts";
import { clusterInfo } from "./cluster-info.ts";
import { clusterInit } from "./cluster-init.ts";
import { clusterJoinToken } from "./cluster-join-token.ts";
import { clusterLeave } from "./cluster-leave.ts";
import { clusterRecover } from "./cluster-recover.ts";
import { clusterRestore } from "./cluster-restore.ts";
import { clusterSecretsKey } from "./cluster-secrets-key.ts";
import { clusterUnlock } from "./cluster-unlock.ts";
import { clusterUnlockKey } from "./cluster-unlock-key.ts";
import { clusterUpdate } from "./cluster-update.ts";

export const clusterGroup = (cli: Cli): Command =>
  newGroup("cluster", "Start, look at, back up, recover, unlock and leave a cluster", [
    clusterInit(cli),
    clusterInfo(cli),
    clusterUpdate(cli),
    clusterJoinToken(cli),
    clusterCa(cli),
    clusterGossipKey(cli),
    clusterSecretsKey(cli),
    clusterUnlockKey(cli),
    clusterUnlock(cli),
    clusterBackup(cli),
    clusterRestore(cli),
    clusterRecover(cli),
    clusterLeave(cli),
  ]);
