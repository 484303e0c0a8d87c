import { networkInterfaces } from 'node:os'

/** Is an address, as a tool writes it, one of this machine's? A zone (%eth0) after it is not looked at. */
export function isOwnAddress(text: string): boolean {
  const address = text.split('%', 1)[0]
  return Object.values(networkInterfaces()).some(entries => entries?.some(own => own.address === address))
}
