import { UPDATE_PATH } from './dyndns2.ts'

/** Where the page's lines expect what their reader puts there. */
export const SCRIPT_PATH = '/usr/local/sbin/freenet6-up.sh'
export const FOLLOW_PATH = '/usr/local/sbin/freenet6-follow'
export const CURL_PATH = '/etc/freenet6.curl'
/** Stands for the key, which its owner has. */
export const KEY_PLACE = 'YOUR KEY'

/** What the lines of a tunnel are made of. */
export interface UpdateLinesOptions {
  readonly id: string
  readonly name: string
  /** Where updates are sent to, and addresses looked up: a name that leads here over IPv4 alone, if there is one. */
  readonly url: string
  /** Whether the client's system has a script that a shell can run again. */
  readonly hasShellScript: boolean
}

/**
 * The program that moves the client's own end after the server's: the script that its owner has read, run again. It
 * drops arguments: ddclient gives the new address as one, and a script that takes options would not know it.
 */
export function followLines(): string {
  return ['#!/bin/sh', `exec sh ${SCRIPT_PATH}`].join('\n')
}

/** What ddclient's configuration file says. It asks us for its address, so that it works behind a NAT too. */
export function ddclientLines({ id, name, url, hasShellScript }: UpdateLinesOptions): string {
  return [
    `ssl=${isSecure(url) ? 'yes' : 'no'}`,
    `use=web, web=${url}/ip`,
    ...(hasShellScript ? [`postscript=${FOLLOW_PATH}`] : []),
    'protocol=dyndns2',
    `server=${hostOf(url)}`,
    `script=${UPDATE_PATH}`,
    `login=${id}`,
    `password='${KEY_PLACE}'`,
    name,
  ].join('\n')
}

/** What inadyn's configuration file says; it takes what it runs afterwards on its command line alone. */
export function inadynLines({ id, name, url, hasShellScript }: UpdateLinesOptions): string {
  const ssl = isSecure(url)
  return [
    ...(hasShellScript ? [`# as root: inadyn --exec ${FOLLOW_PATH}`] : []),
    'custom freenet6 {',
    `  ssl = ${ssl}`,
    `  checkip-ssl = ${ssl}`,
    `  checkip-server = ${hostOf(url)}`,
    '  checkip-path = /ip',
    `  ddns-server = ${hostOf(url)}`,
    `  ddns-path = "${UPDATE_PATH}?hostname=%h&myip=%i"`,
    `  username = ${id}`,
    `  password = "${KEY_PLACE}"`,
    `  hostname = ${name}`,
    '}',
  ].join('\n')
}

/** A file for curl that keeps the key out of the list of processes. */
export function curlLines({ id, name, url }: UpdateLinesOptions): string {
  return [`user = "${id}:${KEY_PLACE}"`, `url = "${url}${UPDATE_PATH}?hostname=${name}"`].join('\n')
}

/** A line of root's crontab: over IPv4, so that the address is the one we see; the script runs again if it has changed. */
export function cronLine({ hasShellScript }: Pick<UpdateLinesOptions, 'hasShellScript'>): string {
  const update = `*/5 * * * * PATH=$PATH:/usr/local/bin:/usr/pkg/bin; curl -4fsS -K ${CURL_PATH}`
  return hasShellScript ? `${update} | grep -q ^good && ${FOLLOW_PATH}` : `${update} > /dev/null`
}

function isSecure(url: string): boolean {
  return url.startsWith('https:')
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? ''
}
