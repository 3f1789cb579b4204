// Steps on standard input, as adapter.py describes them, done by basic-ftp.

import { createRequire } from "node:module";
import { readFileSync, statSync, createReadStream } from "node:fs";
import { createInterface } from "node:readline";

const { Client } = createRequire(process.cwd() + "/")("basic-ftp");
const { FTPS_HOST, FTPS_PORT, FTPS_USER, FTPS_PASSWORD, FTPS_CERTIFICATE, FTPS_IMPLICIT, FTPS_TLS } = process.env;

const perform = {
    "list": async (folder) => {
        for (const entry of await client.list("/" + folder)) console.log(entry.name);
        console.log(".");
    },
    "get": (remote, local) => client.downloadTo(local, remote),
    "resume-get": (remote, local) => client.downloadTo(local, remote, statSync(local).size),
    "put": (local, remote) => client.uploadFrom(local, remote),
    "resume-put": async (local, remote) =>
        client.appendFrom(createReadStream(local, { start: await client.size(remote) }), remote),
    "mkdir": (folder) => client.send("MKD " + folder),
    "rmdir": (folder) => client.removeEmptyDir(folder),
    "rename": (old, name) => client.rename(old, name),
    "delete": (remote) => client.remove(remote),
};

const client = new Client(15000);
try {
    const version = FTPS_TLS ? { minVersion: "TLSv" + FTPS_TLS, maxVersion: "TLSv" + FTPS_TLS } : {};
    await client.access({
        host: FTPS_HOST,
        port: Number(FTPS_PORT),
        user: FTPS_USER,
        password: FTPS_PASSWORD,
        secure: FTPS_IMPLICIT ? "implicit" : true,
        secureOptions: { ca: readFileSync(FTPS_CERTIFICATE), host: FTPS_HOST, ...version },
    });
    for await (const line of createInterface({ input: process.stdin })) {
        const [verb, ...words] = line.split("\t");
        await perform[verb](...words);
    }
    await client.send("QUIT");
} catch (error) {
    console.error(String(error));
    process.exitCode = 1;
} finally {
    client.close();
}
