/** Zones for hostile messages to ask about: every kind of answer, one too long for UDP, and a chain without end. */

const MANY = Array.from({ length: 60 }, (_, i) => `many.example. 300 IN TXT "${'t'.repeat(40)}${i}"`).join(
  '\n',
)
export const ZONE = `example. 300 IN SOA ns.example. host.example. 1 2 3 4 60
example. 300 IN NS ns.example.
ns.example. 300 IN A 192.0.2.1
*.w.example. 300 IN CNAME loop.w.example.
sub.example. 300 IN NS ns.sub.example.
ns.sub.example. 300 IN AAAA 2001:db8::1
d.example. 300 IN DNAME d.d.example.
c.example. 300 IN CNAME x.d.example.
mail.example. 300 IN MX 5 ns.example.
srv.example. 300 IN SRV 1 2 3 ns.example.
${MANY}
`
export const CHILD = `x.example. 300 IN SOA ns.x.example. host.example. 1 2 3 4 60
x.example. 300 IN NS ns.x.example.
x.example. 300 IN DNAME example.
ns.x.example. 300 IN AAAA 2001:db8::2
`
