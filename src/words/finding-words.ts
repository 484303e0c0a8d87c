import type { Language } from './language.ts'
import type { Sentence } from './sentences.ts'

type FindingOf<Key> = Key extends `why-${infer Finding}-remedy` ? Finding : never

/** A code for why a tunnel does not work. */
type Finding = FindingOf<Sentence>

/** Where the remedy of other tunnels would send the owner of one of WireGuard the wrong way. */
const OF_WIREGUARD: Readonly<Partial<Record<Finding, Sentence>>> = {
  dormant: 'why-dormant-remedy-wireguard',
  'never-heard': 'why-never-heard-remedy-wireguard',
}

/** What was found, and what the tunnel's owner can do; `*` and `` ` `` in both are marks. */
export function findingWords(
  finding: Finding,
  { isWireguard, language }: { readonly isWireguard: boolean; readonly language: Language },
): { readonly finding: string; readonly remedy: string } {
  const remedy = (isWireguard ? OF_WIREGUARD[finding] : undefined) ?? (`why-${finding}-remedy` as const)
  return { finding: language.sentence(`why-${finding}`), remedy: language.sentence(remedy) }
}

/** Both as plain text, for a terminal or a program. */
export function findingText(...of: Parameters<typeof findingWords>): string {
  const { finding, remedy } = findingWords(...of)
  return `${finding} ${remedy}`.replaceAll(/[*`]/g, '')
}
