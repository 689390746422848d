// Groupcast from Dart: what every member of an open group can read, and what it can read of us.
//
// This is a small part of the protocol: HELLO, DATA and BYE of open groups, as core/docs/PROTOCOL.md lays
// them down. It hears messages of every class, but asks for none that is lost, and what it sends is best
// effort. frames.py is the same line by line in Python, checked against the project's test vectors; this file
// itself has never been run, because the project has no Dart SDK.

import 'dart:async';
import 'dart:convert';
import 'dart:io';
import 'dart:math';
import 'dart:typed_data';

const int magic = 0xc1;
const int headerLength = 22;
const int crcLength = 4;

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

/// The two octets that name an open group (PROTOCOL §2.2).
int groupTag(List<int> address, int port, [String name = '']) {
  final crc = crc32c([...address, ...u16(port), ...utf8.encode(name)]);
  return (crc >> 16) ^ (crc & 0xffff);
}

/// A datagram of these frames (PROTOCOL §2.1).
Uint8List datagram(int tag, int sender, List<int> session, int counter, List<List<int>> frames) {
  final octets = [magic, 0x10, ...u16(tag), ...u32(sender), ...session, ...u48(counter)];
  for (final one in frames) {
    octets.addAll(one);
  }
  return Uint8List.fromList([...octets, ...u32(crc32c(octets))]);
}

List<int> frame(int type, int flags, List<int> body) => [type, flags, ...u16(body.length), ...body];

/// HELLO (PROTOCOL §2.6): 1473 octets can be received, messages of one datagram; again in a second.
List<int> hello(String name, {required bool joins}) {
  final text = utf8.encode(name);
  final fixed = [...u16(0), ...u16(1473), ...u16(0), ...u16(100), 0, 0, 0, text.length];
  return frame(0x01, joins ? 1 : 0, [...fixed, ...text]);
}

/// DATA (PROTOCOL §2.6): a message of the class best effort, in one fragment.
List<int> data(int channel, int sequence, List<int> payload) =>
    frame(0x10, 0, [channel, 0, 0, 0, ...u32(sequence), ...payload]);

/// BYE (PROTOCOL §2.6).
List<int> bye() => frame(0x02, 0, [0]);

/// Something that arrived. [sender] and [session] are null for a bare datagram.
class Arrival {
  Arrival(this.kind, {this.sender, this.session, this.name, this.channel, this.sequence, this.payload});

  /// 'bare', 'hello', 'bye' or 'message'.
  final String kind;
  final int? sender;
  final String? session;
  final String? name;
  final int? channel;
  final int? sequence;
  final List<int>? payload;
}

/// What a datagram says. Empty if it is damaged, of another group, or says nothing that is known here.
List<Arrival> parse(List<int> octets, int tag) {
  if (octets.isEmpty) {
    return [];
  }
  if (octets[0] != magic) {
    return [Arrival('bare', payload: octets)];
  }
  final end = octets.length - crcLength;
  if (end < headerLength || octets[1] != 0x10 || readU16(octets, 2) != tag) {
    return [];
  }
  final sender = readU32(octets, 4);
  if (sender == 0 || readU32(octets, end) != crc32c(octets.sublist(0, end))) {
    return [];
  }
  final session = octets.sublist(8, 16).map((octet) => octet.toRadixString(16).padLeft(2, '0')).join();
  final arrivals = <Arrival>[];
  var at = headerLength;
  while (at + 4 <= end) {
    final type = octets[at];
    final from = at + 4;
    final to = from + readU16(octets, at + 2);
    if (to > end) {
      break;
    }
    final body = octets.sublist(from, to);
    at = to;
    if (type == 0x01 && body.length >= 12 && body.length >= 12 + body[11]) {
      final name = utf8.decode(body.sublist(12, 12 + body[11]), allowMalformed: true);
      arrivals.add(Arrival('hello', sender: sender, session: session, name: name));
    } else if (type == 0x02 && body.isNotEmpty) {
      arrivals.add(Arrival('bye', sender: sender, session: session));
    } else if (type == 0x10 && body.length >= 8) {
      // Messages in several fragments are left out.
      if (body[3] == 0) {
        arrivals.add(Arrival('message',
            sender: sender,
            session: session,
            channel: body[0],
            sequence: readU32(body, 4),
            payload: body.sublist(8)));
      }
    } else if (type < 0x80 && !const [0x03, 0x04, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17].contains(type)) {
      // A frame that must be understood (PROTOCOL W11): the rest is left out.
      break;
    }
  }
  return arrivals;
}

/// Names of members, and which messages were heard already: repairs and copies come again.
class Roster {
  final Map<int, String> names = {};
  final Set<String> _heard = {};

  /// Whether this is news.
  bool note(Arrival arrival) {
    final sender = arrival.sender;
    if (sender == null) {
      return true;
    }
    if (arrival.kind == 'hello') {
      final isNew = names[sender] != arrival.name;
      names[sender] = arrival.name!;
      return isNew;
    }
    if (arrival.kind == 'bye') {
      return names.remove(sender) != null;
    }
    // Enough for what is repaired late; a member with the whole protocol keeps a window for each sender.
    if (_heard.length > 4096) {
      _heard.clear();
    }
    return _heard.add('$sender ${arrival.session} ${arrival.channel} ${arrival.sequence}');
  }
}

/// A member of an open IPv4 group.
class Member {
  Member._(this._group, this._port, this._name, this._ear, this._mouth)
      : _tag = groupTag(_group.rawAddress, _port);

  final InternetAddress _group;
  final int _port;
  final String _name;
  final RawDatagramSocket _ear;
  final RawDatagramSocket _mouth;
  final int _tag;
  final int _id = _random.nextInt(0xffffffff) + 1;
  final List<int> _session = List.generate(8, (_) => _random.nextInt(256));
  final Roster _roster = Roster();
  int _counter = 0;
  int _sequence = 0;
  late final Timer _beat;

  static final Random _random = Random.secure();

  /// Joins. [interface] is needed on iOS, and wherever there is more than one.
  static Future<Member> join(String group, int port, String name,
      {NetworkInterface? interface, bool isApple = false}) async {
    final address = InternetAddress(group);
    // Sharing the port with other programs takes SO_REUSEPORT on Apple's systems.
    final ear = await RawDatagramSocket.bind(InternetAddress.anyIPv4, port, reuseAddress: true, reusePort: isApple);
    ear.joinMulticast(address, interface);
    final own = interface?.addresses.firstWhere((one) => one.type == InternetAddressType.IPv4);
    final mouth = await RawDatagramSocket.bind(own ?? InternetAddress.anyIPv4, 0);
    mouth.multicastHops = 1;
    mouth.multicastLoopback = true;
    final member = Member._(address, port, name, ear, mouth);
    member._sendFrames([hello(name, joins: true)]);
    member._beat =
        Timer.periodic(const Duration(seconds: 1), (_) => member._sendFrames([hello(name, joins: false)]));
    return member;
  }

  /// What arrives, once, without what this member sends itself.
  Stream<Arrival> get arrivals async* {
    await for (final event in _ear) {
      if (event != RawSocketEvent.read) {
        continue;
      }
      for (var packet = _ear.receive(); packet != null; packet = _ear.receive()) {
        for (final arrival in parse(packet.data, _tag)) {
          if (arrival.sender != _id && _roster.note(arrival)) {
            yield arrival;
          }
        }
      }
    }
  }

  /// The name of a member, or its id.
  String nameOf(int id) {
    final name = _roster.names[id] ?? '';
    return name.isEmpty ? id.toRadixString(16).padLeft(8, '0') : name;
  }

  /// Sends text, best effort: up to 1162 octets.
  void send(String text, {int channel = 0}) => _sendFrames([data(channel, _sequence++, utf8.encode(text))]);

  /// Sends a bare datagram, for programs that do not know the protocol.
  void sendBare(String text) => _mouth.send(utf8.encode(text), _group, _port);

  void leave() {
    _beat.cancel();
    _sendFrames([bye()]);
    _ear.close();
    _mouth.close();
  }

  void _sendFrames(List<List<int>> frames) {
    _counter++;
    _mouth.send(datagram(_tag, _id, _session, _counter, frames), _group, _port);
  }

  @override
  String toString() => '$_name in ${_group.address}:$_port';
}

/// The tutorial's program: says hello, and prints what it hears.
Future<void> main() async {
  final member = await Member.join('239.1.2.3', 12345, 'dart');
  member.send('Hello, multicast!');
  print('Message sent: Hello, multicast!');
  await for (final arrival in member.arrivals) {
    switch (arrival.kind) {
      case 'bare':
        print('Received message: ${utf8.decode(arrival.payload!, allowMalformed: true)} (bare)');
      case 'message':
        final text = utf8.decode(arrival.payload!, allowMalformed: true);
        print('Received message: $text (from ${member.nameOf(arrival.sender!)})');
      case 'hello':
        print('${member.nameOf(arrival.sender!)} is there');
      case 'bye':
        print('${member.nameOf(arrival.sender!)} left');
    }
  }
}
