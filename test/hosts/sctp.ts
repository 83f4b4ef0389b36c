/**
 * Programs that speak SCTP by themselves, over a raw socket: what the hosts' kernels redirect needs no SCTP of theirs. The
 * one answers every INIT with an INIT ACK whose cookie is the address that it came from; the other sends an INIT from a
 * port of its own to an address and prints that. Both need perl.
 */
const COMMON = `
use strict;
use Socket;
sub checksum {
  my $crc = 0xffffffff;
  for my $byte (unpack("C*", shift)) {
    $crc ^= $byte;
    $crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
  }
  return $crc ^ 0xffffffff;
}
sub packet {
  my ($from, $to, $tag, $chunk) = @_;
  my $head = pack("nnN", $from, $to, $tag);
  return $head . pack("V", checksum($head . pack("V", 0) . $chunk)) . $chunk;
}
sub chunk {
  my ($type, $cookie) = @_;
  my $parameter = defined $cookie ? pack("nn", 7, 4 + length $cookie) . $cookie : "";
  my $padding = "\\0" x (-length($parameter) % 4);
  return pack("CCnNNnnN", $type, 0, 20 + length $parameter, 0x6d75726d, 65536, 1, 1, 1) . $parameter . $padding;
}
sub received {
  my $packet = shift;
  my $inside = substr $packet, 4 * (unpack("C", $packet) & 15);
  my ($from, $to, $tag, $sum, $type) = unpack("nnNVC", $inside);
  my $zeroed = substr($inside, 0, 8) . pack("V", 0) . substr($inside, 12);
  return checksum($zeroed) == $sum ? ($from, $to, $type, $inside) : ();
}
socket(my $socket, AF_INET, SOCK_RAW, 132) or die $!;
`;

export const SCTP_ECHO = `${COMMON}
while (my $sender = recv($socket, my $packet, 65536, 0)) {
  my ($from, $to, $type, $inside) = received($packet) or next;
  next unless $type == 1;
  my (undef, $address) = sockaddr_in($sender);
  my $tag = unpack("N", substr $inside, 16, 4);
  send($socket, packet($to, $from, $tag, chunk(2, inet_ntoa($address))), 0, $sender);
}
`;

/** Arguments: address, port. */
export const SCTP_ASK = `${COMMON}
my ($host, $port) = @ARGV;
my $own = 20000 + $$ % 20000;
send($socket, packet($own, $port, 0, chunk(1)), 0, sockaddr_in(0, inet_aton($host))) or die $!;
alarm 5;
while (recv($socket, my $packet, 65536, 0)) {
  my ($from, $to, $type, $inside) = received($packet) or next;
  next unless $type == 2 && $from == $port && $to == $own;
  print substr $inside, 36, unpack("n", substr $inside, 34, 2) - 4;
  exit 0;
}
`;
