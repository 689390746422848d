// Groupcast from Dart: a member of an open group that takes no reliable streams.
//
// It is a small part of the protocol, as core/docs/PROTOCOL.md lays it down: it hears best effort, Latest and State, in
// one fragment, and what it sends is best effort. The others know that by its HELLO and do not wait for it. frames.py is
// the same function by function in Python, checked against the project's test vectors; this file itself has never been
// run, because the project has no Dart SDK. That the numbers in it are those of frames.py is checked.

import 'dart:async';
import 'dart:convert';
import 'dart:io';
import 'dart:math';
import 'dart:typed_data';

const int magic = 0xc1;
const int headerLength = 22;
const int crcLength = 4;
const int largest = 1472;
const int usual = 1200;
const int join = 0x01;
const int probe = 0x02;
const int noStreams = 0x0001;
// The round trip before it is measured: 10 ms.
const int guess = 106;
const List<int> byes = [0, 10, 30, 60, 100, 150, 200];
// What the fixed fields of a frame take. HELLO and DATA are more than that.
const Map<int, int> lengths = {
  0x01: 12, 0x02: 1, 0x03: 2, 0x04: 4, 0x10: 8, 0x11: 12, 0x12: 11, 0x13: 14, 0x14: 6, 0x15: 6, 0x16: 16, 0x17: 8,
};

/// CRC-32C (Castagnoli).
int crc32c(List<int> octets) {
  var crc = 0xffffffff;
  for (final octet in octets) {
    crc ^= octet;
    for (var bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
  }
  return crc ^ 0xffffffff;
}

List<int> u16(int value) => [value >> 8 & 0xff, value & 0xff];

List<int> u32(int value) => [...u16(value >> 16 & 0xffff), ...u16(value & 0xffff)];

List<int> u48(int value) => [...u16(value >> 32 & 0xffff), ...u32(value & 0xffffffff)];

int readU16(List<int> octets, int at) => octets[at] << 8 | octets[at + 1];

int readU32(List<int> octets, int at) => readU16(octets, at) << 16 | readU16(octets, at + 2);

/// The two octets that name an open group (PROTOCOL W5).
int groupTag(List<int> address, int port, [String name = '']) {
  final crc = crc32c([...address, ...u16(port), ...utf8.encode(name)]);
  return (crc >> 16) ^ (crc & 0xffff);
}

/// Whether the second number comes after the first (PROTOCOL W15).
bool isAfter(int first, int second) {
  final ahead = second - first & 0xffffffff;
  return ahead > 0 && ahead < 0x80000000;
}

/// A datagram of these frames (PROTOCOL W2).
Uint8List datagram(int tag, int sender, List<int> session, int number, bool toOne, List<List<int>> frames) {
  final counter = toOne ? number | 0x800000000000 : number;
  final octets = [magic, 0x10, ...u16(tag), ...u32(sender), ...session, ...u48(counter)];
  for (final one in frames) {
    octets.addAll(one);
  }
  return Uint8List.fromList([...octets, ...u32(crc32c(octets))]);
}

List<int> frame(int type, int flags, List<int> body) => [type, flags, ...u16(body.length), ...body];

/// A group's size in one octet (PROTOCOL W16).
int membersOctet(int members) => (4 * log(members) / ln2).floor();

/// How often to say HELLO, in ms (PROTOCOL M3).
int interval(int members) => min(max(members * 50, 1000), 60000);

/// HELLO: one datagram's worth can be received, and no reliable streams (PROTOCOL E3).
List<int> hello(String name, int flags, int members) {
  final text = utf8.encode(name);
  final fixed = [
    ...u16(noStreams), ...u16(largest), ...u16(0), ...u16(interval(members) ~/ 10), 0, guess, membersOctet(members),
  ];
  return frame(0x01, flags, [...fixed, text.length, ...text]);
}

List<int> time(int micros) => frame(0x04, 0, u32(micros & 0xffffffff));

/// SYNC: nothing that could be repaired was sent.
List<int> sync(int members) => frame(0x12, 0, [...u32(0), ...u32(0), guess, membersOctet(members), 0]);

/// DATA: a message of the class best effort, in one fragment.
List<int> data(int channel, int sequence, List<int> payload) =>
    frame(0x10, 0, [channel, 0, 0, 0, ...u32(sequence), ...payload]);

List<int> ask(int sender, int life) => frame(0x17, 0, [...u32(sender), ...u32(life)]);

List<int> bye() => frame(0x02, 0, [0]);

/// Whether it is sound, and of this group (PROTOCOL W18).
bool isDatagram(List<int> octets, int tag) {
  final end = octets.length - crcLength;
  if (end < headerLength || octets[0] != magic || octets[1] != 0x10 || readU16(octets, 2) != tag) {
    return false;
  }
  final number = readU16(octets, 16) & 0x7fff | readU32(octets, 18);
  return readU32(octets, 4) != 0 && number != 0 && readU32(octets, end) == crc32c(octets.sublist(0, end));
}

/// Whether a frame of a type that is known is built as that demands (PROTOCOL W12).
bool isSound(int type, List<int> body) {
  if (body.length < lengths[type]!) {
    return false;
  }
  if (type == 0x01) {
    var at = 12 + body[11];
    if (body[11] > 32 || body.length < at || !isUtf8(body.sublist(12, at))) {
      return false;
    }
    while (at + 2 <= body.length) {
      at += 2 + body[at + 1];
    }
    return at == body.length;
  }
  if (type == 0x04) {
    return (body.length - 4) % 12 == 0;
  }
  if (type == 0x10) {
    return body[2] <= body[3];
  }
  if (type == 0x13) {
    return body[13] >= 1 && body[13] <= 8 && body.length >= 14 + 4 * body[13];
  }
  return true;
}

bool isUtf8(List<int> octets) {
  try {
    utf8.decode(octets);
  } on FormatException {
    return false;
  }
  return true;
}

/// Type, flags and body.
class Frame {
  Frame(this.type, this.flags, this.body);

  final int type;
  final int flags;
  final List<int> body;
}

/// The frames of a datagram, up to one behind which nothing is to be read (PROTOCOL W11, W12).
List<Frame> framesOf(List<int> octets) {
  final found = <Frame>[];
  var at = headerLength;
  final end = octets.length - crcLength;
  while (at + 4 <= end) {
    final type = octets[at];
    final flags = octets[at + 1];
    final begin = at + 4;
    at = begin + readU16(octets, at + 2);
    if (at > end) {
      break;
    }
    final body = octets.sublist(begin, at);
    if (lengths.containsKey(type)) {
      if (!isSound(type, body)) {
        break;
      }
      found.add(Frame(type, flags, body));
    } else if (type < 0x80) {
      break;
    }
  }
  return found;
}

/// What is news. [sender] is null for a raw datagram.
class News {
  News(this.kind, {this.sender, this.name, this.channel, this.sequence, this.payload});

  /// 'raw', 'hello', 'bye', 'message', or 'reliable': somebody sends what this member cannot take.
  final String kind;
  final int? sender;
  final String? name;
  final int? channel;
  final int? sequence;
  final List<int>? payload;
}

/// Where a datagram goes, or came from.
class Place {
  Place(this.address, this.port);

  final InternetAddress address;
  final int port;
}

/// What waits to be sent: when, and to whom; null is the group.
class Waiting {
  Waiting(this.when, this.frames, this.to);

  final num when;
  final List<List<int>> frames;
  final Place? to;
}

/// What is known of another member.
class Peer {
  Peer(this.session);

  final List<int> session;
  String? name;
  Place? place;
  int limit = largest;
  int interval = 1000;
  int heard = 0;
  int answered = -1000;

  /// The newest number of each class and channel, and the State channels whose newest value is known.
  final Map<int, int> values = {};
  final Set<int> known = {};

  /// Before which number of its stream none is lacking, from which on values are the newest, and about asking.
  int? next;
  int told = 0;
  int asks = 0;
  num asked = 0;
  final Set<String> seen = {};
  bool left = false;
}

String hexadecimal(List<int> octets) => octets.map((octet) => octet.toRadixString(16).padLeft(2, '0')).join();

/// A member that takes no reliable streams, without sockets. Times are in ms.
class Member {
  Member(this.tag, this.name, int now) : nextHello = now;

  static final Random random = Random.secure();

  final int tag;
  final String name;
  final int id = random.nextInt(0xffffffff) + 1;
  final List<int> session = List.generate(8, (_) => random.nextInt(256));
  final Map<int, Peer> peers = {};
  List<Waiting> outbox = [];
  int number = 0;
  int sequence = 0;
  int hellos = 0;
  int reliable = 0;
  num saidHello = -100;
  num nextHello;
  bool leaving = false;

  int members() => peers.values.where((peer) => peer.name != null).length + 1;

  /// Queues a message. False if it is too large for somebody.
  bool say(int now, int channel, List<int> payload) {
    final limits = peers.values.where((peer) => peer.name != null).map((peer) => peer.limit);
    if (payload.length + 38 > limits.fold(usual, min)) {
      return false;
    }
    outbox.add(Waiting(now, [data(channel, sequence, payload)], null));
    sequence = sequence + 1 & 0xffffffff;
    return true;
  }

  /// BYE is all that is sent from now on.
  void leave(int now) {
    leaving = true;
    final last = [sync(members()), bye()];
    outbox = [for (final later in byes) Waiting(now + later, last, null)];
  }

  /// What is to be sent now, each with where to, null for the group.
  List<(Uint8List, Place?)> due(int now) {
    if (!leaving) {
      peers.removeWhere((_, peer) => now - peer.heard > 3.5 * peer.interval);
      if (now >= nextHello) {
        greet(now);
      }
    }
    final ready = outbox.where((one) => one.when <= now).toList();
    outbox = outbox.where((one) => one.when > now).toList();
    final sent = <(Uint8List, Place?)>[];
    for (final one in ready) {
      number += 1;
      sent.add((datagram(tag, id, session, number, one.to != null, one.frames), one.to));
    }
    return sent;
  }

  void greet(int now) {
    final all = members();
    final greeting = hello(name, hellos < 2 ? join : 0, all);
    // Before all that waits: a session begins with it.
    outbox.insert(0, Waiting(now, [greeting, time(now * 1000), sync(all)], null));
    hellos += 1;
    saidHello = now;
    nextHello = now + interval(all) * between(0.75, 1.25);
  }

  double between(double least, double most) => least + (most - least) * random.nextDouble();

  /// What a datagram says that is news.
  List<News> hear(List<int> octets, Place source, int now) {
    if (octets.isEmpty) {
      return [];
    }
    if (octets[0] != magic) {
      return [News('raw', payload: octets)];
    }
    final sender = isDatagram(octets, tag) ? readU32(octets, 4) : id;
    if (sender == id) {
      return [];
    }
    final session = octets.sublist(8, 16);
    var peer = peers[sender];
    if (peer == null || hexadecimal(peer.session) != hexadecimal(session)) {
      peer = peers[sender] = Peer(session);
    }
    final number = hexadecimal(octets.sublist(16, 22));
    final toOne = octets[16] >= 0x80;
    if (!peer.seen.add(number) || peer.left) {
      return [];
    }
    if (peer.seen.length > 4096) {
      peer.seen.clear();
    }
    peer.heard = now;
    final news = <News>[];
    for (final one in framesOf(octets)) {
      final body = one.body;
      if (one.type == 0x01) {
        final said = utf8.decode(body.sublist(12, 12 + body[11]));
        if (said != peer.name) {
          news.add(News('hello', sender: sender, name: said));
        }
        peer.name = said;
        peer.place = source;
        peer.limit = max(readU16(body, 2), 512);
        peer.interval = max(readU16(body, 6) * 10, 1000);
        answer(one.flags, peer, now);
      } else if (one.type == 0x02 && !toOne) {
        if (peer.name != null) {
          news.add(News('bye', sender: sender));
        }
        peer.name = null;
        peer.left = true;
      } else if (one.type == 0x10) {
        news.addAll(take(sender, peer, one.flags, body));
      } else if (one.type == 0x12 && !toOne) {
        compare(sender, peer, body, now);
      }
    }
    return news;
  }

  /// JOIN asks for the next HELLO soon, PROBE for one at once, to the one who asks (PROTOCOL M5, M13).
  void answer(int flags, Peer peer, int now) {
    final within = max(500, members() * 50);
    if (flags & join != 0 && nextHello > now + within) {
      nextHello = max(now + between(0, within.toDouble()), saidHello + 100);
    }
    if (flags & probe != 0 && now - peer.answered >= 100) {
      peer.answered = now;
      final all = members();
      outbox.add(Waiting(now, [hello(name, 0, all), sync(all)], peer.place));
    }
  }

  /// A message of one fragment, if it is best effort, or a value that is newer (PROTOCOL V1, E4).
  List<News> take(int sender, Peer peer, int flags, List<int> body) {
    final type = flags & 3, channel = body[0], sequence = readU32(body, 4);
    // An answer to ASK says nothing of the stream (PROTOCOL V6).
    final isAnswer = type == 3 && flags & 4 != 0 && body[1] == 255;
    if (isAnswer) {
      peer.known.add(channel);
      peer.asks = 0;
    } else if (type != 0 && (peer.next == null || peer.next == sequence)) {
      peer.next = sequence + 1 & 0xffffffff;
    }
    if (type == 1 || type == 2) {
      reliable += 1;
      return reliable == 1 ? [News('reliable', sender: sender)] : [];
    }
    if (body[3] != 0) {
      return [];
    }
    if (type == 3 || flags & 16 != 0) {
      final key = type << 8 | channel;
      final newest = peer.values[key];
      if (newest != null && !isAfter(newest, sequence)) {
        return [];
      }
      peer.values[key] = sequence;
      if (type == 3 && !isAnswer) {
        // What was sent before something else was lost may not be the newest.
        isAfter(sequence, peer.told) ? peer.known.remove(channel) : peer.known.add(channel);
      }
    }
    return [News('message', sender: sender, channel: channel, sequence: sequence, payload: body.sublist(8))];
  }

  /// Asks for State values, if some may be missing (PROTOCOL V4, E5).
  void compare(int sender, Peer peer, List<int> body, int now) {
    final following = readU32(body, 0), states = body[10];
    if (peer.next == null || isAfter(peer.next!, following)) {
      peer.next = peer.told = following;
      peer.known.clear();
    }
    if (states == 0 || peer.known.length >= states || now < peer.asked) {
      return;
    }
    final spread = members() <= 8 ? 3 : 5.3 * (log(members()) + 1);
    peer.asked = now + between(0, spread.toDouble()) + (peer.asks < 16 ? 0 : 4000);
    peer.asks += 1;
    outbox.add(Waiting(peer.asked, [ask(sender, readU32(peer.session, 4))], null));
  }

  /// The name of a member, or its id.
  String nameOf(int id) {
    final name = peers[id]?.name ?? '';
    return name.isEmpty ? id.toRadixString(16).padLeft(8, '0') : name;
  }
}

/// A member's sockets.
class Connection {
  Connection._(this._group, this._port, this._ear, this._mouth, String name)
      : member = Member(groupTag(_group.rawAddress, _port), name, 0) {
    _timer = Timer.periodic(const Duration(milliseconds: 5), (_) => _send());
    for (final socket in [_ear, _mouth]) {
      socket.listen((event) => _read(event, socket));
    }
  }

  final InternetAddress _group;
  final int _port;
  final RawDatagramSocket _ear;
  final RawDatagramSocket _mouth;
  final Stopwatch _clock = Stopwatch()..start();
  final StreamController<News> _news = StreamController<News>();
  final Member member;
  late final Timer _timer;

  /// Joins. [interface] is needed on iOS, and wherever there is more than one.
  static Future<Connection> open(String group, int port, String name,
      {NetworkInterface? interface, bool isApple = false}) async {
    final address = InternetAddress(group);
    // Sharing the port with other programs takes SO_REUSEPORT on Apple's systems.
    final ear = await RawDatagramSocket.bind(InternetAddress.anyIPv4, port, reuseAddress: true, reusePort: isApple);
    ear.joinMulticast(address, interface);
    final own = interface?.addresses.firstWhere((one) => one.type == InternetAddressType.IPv4);
    // What is sent to this member alone comes back to the socket that it sends from.
    final mouth = await RawDatagramSocket.bind(own ?? InternetAddress.anyIPv4, 0);
    mouth.multicastHops = 1;
    mouth.multicastLoopback = true;
    return Connection._(address, port, ear, mouth, name);
  }

  /// What is news.
  Stream<News> get news => _news.stream;

  /// Sends text, best effort. False if it is too long: 1162 octets, or less if somebody can take less.
  bool send(String text, {int channel = 0}) => member.say(_clock.elapsedMilliseconds, channel, utf8.encode(text));

  /// Sends a raw datagram, for programs that do not know the protocol. It must not be empty.
  void sendRaw(String text) => _mouth.send(utf8.encode(text), _group, _port);

  /// Says good-bye, and is gone 200 ms later.
  void leave() => member.leave(_clock.elapsedMilliseconds);

  void _read(RawSocketEvent event, RawDatagramSocket socket) {
    if (event != RawSocketEvent.read) {
      return;
    }
    for (var packet = socket.receive(); packet != null; packet = socket.receive()) {
      final source = Place(packet.address, packet.port);
      member.hear(packet.data, source, _clock.elapsedMilliseconds).forEach(_news.add);
    }
  }

  void _send() {
    for (final (octets, to) in member.due(_clock.elapsedMilliseconds)) {
      _mouth.send(octets, to?.address ?? _group, to?.port ?? _port);
    }
    if (member.leaving && member.outbox.isEmpty) {
      _timer.cancel();
      _ear.close();
      _mouth.close();
      _news.close();
    }
  }
}

/// The tutorial's program: says hello, and prints what it hears.
Future<void> main() async {
  final connection = await Connection.open('239.1.2.3', 12345, 'dart');
  connection.send('Hello, multicast!');
  print('Message sent: Hello, multicast!');
  await for (final news in connection.news) {
    final name = news.sender == null ? 'raw' : connection.member.nameOf(news.sender!);
    switch (news.kind) {
      case 'raw' || 'message':
        print('Received message: ${utf8.decode(news.payload!, allowMalformed: true)} (from $name)');
      case 'hello':
        print('$name is there');
      case 'bye':
        print('$name left');
      case 'reliable':
        print('$name sends reliable messages, which this program cannot take');
    }
  }
}
