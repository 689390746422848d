-- Groupcast for Wireshark and tshark, by core/docs/PROTOCOL.md, version 1.
--
--   tshark -X lua_script:cli/wireshark/groupcast.lua -r sample.pcapng
--
-- or copy it to the folder of personal Lua plugins (Help > About > Folders).
--
-- It looks at UDP datagrams that begin with C1: all that are sent to a multicast address, and those to one
-- member whose version and suite are ours. Raw datagrams are left alone. A datagram that is not sound is
-- flagged, and nothing is read from it that may be wrong; of one that the capture has cut off, whose checksum
-- nobody can tell, only the header. In names and texts of others, whatever a terminal would obey is shown as
-- Rust does: \n, \u{1b}.

local groupcast = Proto("groupcast", "Groupcast")

local MAGIC, VERSION = 0xC1, 1
local OPEN, SEALED = 0, 1
local HEADER_LEN = 22
local TRAILER_LEN = { [OPEN] = 4, [SEALED] = 16 }
local FRAME_HEADER_LEN = 4
local SIGNATURE_LEN = 64
local FIRST_OPTIONAL = 0x80

-- Wireshark's own library of bits, or from Lua 5.3 on the language's.
local bits = bit or bit32 or load([[return {
    band = function(a, b) return a & b end,
    bxor = function(a, b) return a ~ b end,
    rshift = function(a, n) return a >> n end,
}]])()

-- Fields -----------------------------------------------------------------------------------------------------

local f = groupcast.fields
local by_name = {}

-- Defines a field groupcast.NAME.
local function field(name, kind, title, ...)
    local abbreviation = "groupcast." .. name
    local made = ProtoField[kind](abbreviation, title, ...)
    f[#f + 1] = made
    by_name[name] = made
end

local suites = { [OPEN] = "open", [SEALED] = "sealed, XChaCha20-Poly1305" }
local frame_types = {
    [0x01] = "HELLO", [0x02] = "BYE", [0x03] = "BUSY", [0x04] = "TIME", [0x10] = "DATA", [0x12] = "SYNC",
    [0x11] = "START", [0x13] = "NACK", [0x14] = "SKIP", [0x15] = "ACKREQ", [0x16] = "ACK", [0x17] = "ASK",
}
local classes = { [0] = "best effort", "reliable unordered", "reliable ordered", "state" }
local reasons = { [0] = "the application left", "the id is another member's" }
local options = { "challenge", "challenges sent back" }

field("magic", "uint8", "Magic", base.HEX)
field("version", "uint8", "Version", base.DEC, nil, 0xf0)
field("suite", "uint8", "Suite", base.DEC, suites, 0x0f)
field("tag", "uint16", "Group tag", base.HEX)
field("sender", "uint32", "Sender", base.HEX)
field("session", "uint64", "Session", base.HEX)
field("to_one", "bool", "Sent to one member")
field("counter", "uint64", "Datagram counter", base.DEC)
field("checksum", "uint32", "Checksum (CRC-32C)", base.HEX)
field("checksum_ok", "bool", "Checksum fits")
field("sealed", "bytes", "Sealed frames")
field("auth_tag", "bytes", "Authentication tag")
field("unread", "bytes", "Not read")

field("frame.type", "uint8", "Type", base.HEX, frame_types)
field("frame.flags", "uint8", "Flags", base.HEX)
field("frame.length", "uint16", "Length", base.DEC)
field("frame.body", "bytes", "Body")

field("hello.join", "bool", "JOIN: everybody is asked for a HELLO", 8, nil, 0x01)
field("hello.probe", "bool", "PROBE: this member is asked for a HELLO", 8, nil, 0x02)
field("hello.capabilities", "uint16", "Capabilities", base.HEX)
field("hello.no_streams", "bool", "Takes no reliable streams", 16, nil, 0x0001)
field("hello.objects", "bool", "Takes bulk objects", 16, nil, 0x0002)
field("hello.bridge", "bool", "A bridge's member: speaks for others behind it", 16, nil, 0x0004)
field("hello.max_datagram", "uint16", "Largest datagram", base.DEC)
field("hello.max_message", "uint16", "Largest message, in 64 octets", base.DEC)
field("hello.interval", "uint16", "HELLO interval, in 10 ms", base.DEC)
field("hello.burst", "uint8", "Datagrams at once", base.DEC)
field("hello.name", "string", "Name", base.UNICODE)

field("option.type", "uint8", "Option", base.DEC, options)
field("option.length", "uint8", "Length", base.DEC)
field("option.value", "bytes", "Value")
field("challenge", "uint64", "Challenge", base.HEX)
field("challenge_for", "uint32", "For", base.HEX)
field("echoed", "uint64", "Sent back", base.HEX)

-- Of HELLO and SYNC.
field("round_trip", "uint8", "Round trip", base.DEC)
field("round_trip_us", "double", "Round trip in microseconds")
field("group_size", "uint8", "Group size", base.DEC)
field("group_size_members", "double", "Group size in members")

field("bye.reason", "uint8", "Reason", base.DEC, reasons)
field("busy.wait", "uint16", "Pause in milliseconds", base.DEC)

field("time.stamp", "uint32", "Clock in microseconds", base.DEC)
field("time.echo.member", "uint32", "Echo of", base.HEX)
field("time.echo.stamp", "uint32", "Its clock in microseconds", base.DEC)
field("time.echo.delay", "uint32", "Came in before, in microseconds", base.DEC)

field("data.class", "uint8", "Class", base.DEC, classes, 0x03)
field("data.repair", "bool", "REPAIR: sent again, as it was asked for", 8, nil, 0x04)
field("data.copy", "bool", "COPY: sent again unasked", 8, nil, 0x08)
field("data.latest", "bool", "LATEST: only newer values count", 8, nil, 0x10)
field("data.signed", "bool", "SIGNED: the message ends with a signature", 8, nil, 0x20)
field("data.channel", "uint8", "Channel", base.DEC)
field("data.horizon", "uint8", "Horizon", base.DEC)
field("data.fragment", "uint8", "Fragment", base.DEC)
field("data.last", "uint8", "Last fragment", base.DEC)
field("data.payload", "bytes", "Payload")
field("data.text", "string", "Text", base.UNICODE)
field("data.signature", "bytes", "Signature, or the end of it")

-- Sequence numbers, of whichever frame.
field("sequence", "uint32", "Sequence number", base.DEC)

field("sync.next", "uint32", "Next", base.DEC)
field("sync.low", "uint32", "Lowest that can be repaired", base.DEC)
field("sync.states", "uint8", "State channels with a value", base.DEC)

-- Whose stream it is: NACK, ACK and ASK.
field("target", "uint32", "Of the stream of", base.HEX)
field("target_session", "uint32", "Its session, the low half", base.HEX)

field("start.next", "uint32", "Counted in from", base.DEC)

field("nack.base", "uint32", "Base", base.DEC)
field("nack.attempt", "uint8", "Asked before", base.DEC)
field("nack.words", "uint8", "Words", base.DEC)
field("nack.missing", "uint32", "Missing", base.DEC)

field("skip.first", "uint32", "First", base.DEC)
field("skip.count", "uint16", "How many", base.DEC)

field("ackreq.spread", "uint16", "Answers spread over, in milliseconds", base.DEC)
field("ack.since", "uint32", "Since", base.DEC)
field("ack.next", "uint32", "Next", base.DEC)

-- Flags for what is wrong ------------------------------------------------------------------------------------

local flaws = {
    cut = { "cut off by the capture", expert.group.UNDECODED, expert.severity.NOTE },
    truncated = { "shorter than header and trailer", expert.group.MALFORMED, expert.severity.ERROR },
    version = { "a version that this dissector does not know", expert.group.PROTOCOL, expert.severity.WARN },
    suite = { "a suite that this dissector does not know", expert.group.PROTOCOL, expert.severity.WARN },
    sender_zero = { "sender id zero", expert.group.MALFORMED, expert.severity.ERROR },
    number_zero = { "number zero", expert.group.MALFORMED, expert.severity.ERROR },
    corrupt = { "damaged: the checksum does not fit", expert.group.CHECKSUM, expert.severity.ERROR },
    malformed = { "not built as its type demands", expert.group.MALFORMED, expert.severity.ERROR },
    unknown = { "of a type that may not be skipped: the rest is not read", expert.group.UNDECODED, expert.severity.WARN },
    skipped = { "of a type that is not known, and skipped", expert.group.UNDECODED, expert.severity.NOTE },
    signature = { "SIGNED, but shorter than a signature", expert.group.PROTOCOL, expert.severity.WARN },
}
local experts = {}
for name, flaw in pairs(flaws) do
    flaw.expert = ProtoExpert.new("groupcast.flaw." .. name, flaw[1], flaw[2], flaw[3])
    experts[#experts + 1] = flaw.expert
end
groupcast.experts = experts

local function flag(tree, name, detail)
    local flaw = flaws[name]
    tree:add_proto_expert_info(flaw.expert, detail and (flaw[1] .. ": " .. detail) or flaw[1])
end

-- CRC-32C (PROTOCOL 2.3) -------------------------------------------------------------------------------------

local crc_table = {}
for n = 0, 255 do
    local crc = n
    for _ = 1, 8 do
        local odd = crc % 2 == 1
        crc = bits.rshift(crc, 1)
        if odd then crc = bits.bxor(crc, 0x82F63B78) end
    end
    crc_table[n] = crc
end

local function crc32c(octets)
    local crc = 0xFFFFFFFF
    for at = 0, octets:len() - 1 do
        crc = bits.bxor(bits.rshift(crc, 8), crc_table[bits.band(bits.bxor(crc, octets:get_index(at)), 0xFF)])
    end
    -- Some libraries count the highest bit as a sign.
    return bits.bxor(crc, 0xFFFFFFFF) % 0x100000000
end

-- Frames -----------------------------------------------------------------------------------------------------

-- Reads the fields of a body one after the other. When it is not built as its type demands, this stops with an
-- error that `read_frame` catches.
local Body = {}
Body.__index = Body

local BAD = {}

function Body.new(range, tree)
    return setmetatable({ range = range, tree = tree, at = 0, len = range and range:len() or 0 }, Body)
end

function Body:left() return self.len - self.at end

-- The next octets.
function Body:take(len)
    if self:left() < len then error(BAD) end
    local taken = self.range:range(self.at, len)
    self.at = self.at + len
    return taken
end

-- Shows the next octets as this field, and returns them.
function Body:show(name, len, tree)
    local taken = self:take(len)
    return taken, (tree or self.tree):add(by_name[name], taken)
end

function Body:uint(name, len, tree)
    local taken, item = self:show(name, len, tree)
    return taken:uint(), item
end

local function generated(tree, name, range, value)
    tree:add(by_name[name], range, value):set_generated()
end

-- Numbers on a scale of logarithms: 0 is none.
local function show_estimates(body)
    local octet, item = body:show("round_trip", 1)
    if octet:uint() > 0 then generated(item, "round_trip_us", octet, 2 ^ (octet:uint() / 8)) end
    octet, item = body:show("group_size", 1)
    if octet:uint() > 0 then generated(item, "group_size_members", octet, 2 ^ (octet:uint() / 4)) end
end

local seconds = { [0xe0] = 0xa0, [0xf0] = 0x90 }

-- Whether octets are UTF-8.
local function is_utf8(octets)
    local at, len = 0, octets:len()
    while at < len do
        local first = octets:get_index(at)
        local more
        if first < 0x80 then more = 0
        elseif first >= 0xc2 and first < 0xe0 then more = 1
        elseif first >= 0xe0 and first < 0xf0 then more = 2
        elseif first >= 0xf0 and first < 0xf5 then more = 3
        else return false end
        if at + more >= len then return false end
        -- The second octet of the longer ones: no other form of a shorter one, no surrogate, nothing beyond the last.
        local least, most = seconds[first] or 0x80, first == 0xed and 0x9f or first == 0xf4 and 0x8f or 0xbf
        for next = at + 1, at + more do
            local octet = octets:get_index(next)
            if octet < least or octet > most then return false end
            least, most = 0x80, 0xbf
        end
        at = at + more + 1
    end
    return true
end

-- Whether octets are text that can be shown on a line.
local function is_text(octets)
    for at = 0, octets:len() - 1 do
        local octet = octets:get_index(at)
        if octet < 0x20 or octet == 0x7f then return false end
    end
    return octets:len() > 0 and is_utf8(octets)
end

-- Whether a terminal would obey this character rather than show it: control characters, marks of direction,
-- separators of lines and paragraphs, what is invisible.
local function is_unsafe(code)
    return code < 0x20 or code >= 0x7f and code <= 0x9f or code == 0x61c or code == 0x200e or code == 0x200f
        or code >= 0x2028 and code <= 0x202e or code >= 0x2066 and code <= 0x2069 or code == 0xfeff
        or code >= 0xe0000 and code <= 0xe007f
end

local short = { [0x09] = "\\t", [0x0a] = "\\n", [0x0d] = "\\r" }

-- UTF-8 as text that a terminal shows and does not obey.
local function escaped(octets)
    local text, at, len = {}, 0, octets:len()
    while at < len do
        local first = octets:get_index(at)
        local more = first < 0x80 and 0 or first < 0xe0 and 1 or first < 0xf0 and 2 or 3
        local code = more == 0 and first or first % 2 ^ (6 - more)
        local character = { string.char(first) }
        for next = at + 1, at + more do
            code = code * 64 + octets:get_index(next) % 64
            character[#character + 1] = string.char(octets:get_index(next))
        end
        local shown = is_unsafe(code) and (short[code] or string.format("\\u{%x}", code))
        text[#text + 1] = shown or table.concat(character)
        at = at + more + 1
    end
    return table.concat(text)
end

local function show_options(body)
    local challenged = false
    while body:left() > 0 do
        local at = body.at
        body:take(1)
        local len = body:take(1):uint()
        body.at = at
        if body:left() < 2 + len then error(BAD) end
        local tree = body.tree:add(groupcast, body.range:range(at, 2 + len), "Option")
        local kind = body:uint("option.type", 1, tree)
        body:show("option.length", 1, tree)
        tree:append_text(": " .. (options[kind] or ("type " .. kind .. ", skipped")))
        local rest = len
        -- Of several only the first is looked at, and for nobody it says nothing.
        if kind == 1 and not challenged then
            challenged = true
            if len == 8 or len == 12 and body.range:range(body.at + 8, 4):uint() ~= 0 then
                body:show("challenge", 8, tree)
                if len == 12 then body:show("challenge_for", 4, tree) end
                rest = 0
            end
        elseif kind == 2 then
            rest = len % 8
            for _ = 1, (len - rest) / 8 do body:show("echoed", 8, tree) end
        end
        if rest > 0 then body:show("option.value", rest, tree) end
    end
end

-- What of a stream it is about.
local function show_target(body)
    local target = body:uint("target", 4)
    body:show("target_session", 4)
    return string.format("%08x", target)
end

-- Each shows the frame's body, and returns a summary.
local readers = {}

readers[0x01] = function(body, flags)
    body.tree:add(by_name["hello.join"], flags)
    body.tree:add(by_name["hello.probe"], flags)
    local capabilities, shown = body:show("hello.capabilities", 2)
    for _, bit in ipairs({ "hello.no_streams", "hello.objects", "hello.bridge" }) do
        shown:add(by_name[bit], capabilities)
    end
    body:show("hello.max_datagram", 2)
    body:show("hello.max_message", 2)
    body:show("hello.interval", 2)
    body:show("hello.burst", 1)
    show_estimates(body)
    local len = body:take(1):uint()
    if len > 32 then error(BAD) end
    local text = ""
    if len > 0 then
        local name = body:take(len)
        if not is_utf8(name:bytes()) then error(BAD) end
        local shown = escaped(name:bytes())
        body.tree:add(by_name["hello.name"], name, shown)
        text = ' "' .. shown .. '"'
    else
        body.tree:add(by_name["hello.name"], "")
    end
    show_options(body)
    local bits_set = flags:uint()
    return (bits.band(bits_set, 1) ~= 0 and " JOIN" or "")
        .. (bits.band(bits_set, 2) ~= 0 and " PROBE" or "") .. text
end

readers[0x02] = function(body)
    local reason = body:uint("bye.reason", 1)
    return " " .. (reasons[reason] or reason)
end

readers[0x03] = function(body) return " " .. body:uint("busy.wait", 2) .. " ms" end

readers[0x04] = function(body)
    body:show("time.stamp", 4)
    if body:left() % 12 ~= 0 then error(BAD) end
    local echoes = body:left() / 12
    for _ = 1, echoes do
        local tree = body.tree:add(groupcast, body.range:range(body.at, 12), "Echo")
        body:show("time.echo.member", 4, tree)
        body:show("time.echo.stamp", 4, tree)
        body:show("time.echo.delay", 4, tree)
    end
    return echoes > 0 and string.format(", echoes: %d", echoes) or ""
end

readers[0x10] = function(body, flags)
    for _, name in ipairs({ "class", "repair", "copy", "latest", "signed" }) do
        body.tree:add(by_name["data." .. name], flags)
    end
    local set = flags:uint()
    local is_signed = bits.band(set, 0x20) ~= 0
    local class = classes[bits.band(set, 3)]
    if bits.band(set, 0x13) == 0x10 then class = "latest" end
    local channel = body:uint("data.channel", 1)
    body:show("data.horizon", 1)
    local fragment = body:uint("data.fragment", 1)
    local last = body:uint("data.last", 1)
    if fragment > last then error(BAD) end
    local sequence = body:uint("sequence", 4)
    local summary = string.format(" %s, channel %d, #%d", class, channel, sequence)
    if last > 0 then summary = summary .. string.format(", fragment %d of %d", fragment + 1, last + 1) end
    if bits.band(set, 0x04) ~= 0 then summary = summary .. ", repair" end
    if bits.band(set, 0x08) ~= 0 then summary = summary .. ", copy" end
    if is_signed then summary = summary .. ", signed" end
    local len = body:left()
    local signature = is_signed and fragment == last and math.min(len, SIGNATURE_LEN) or 0
    if is_signed and last == 0 and len < SIGNATURE_LEN then flag(body.tree, "signature") end
    if len > signature then
        local payload, item = body:show("data.payload", len - signature)
        if last == 0 and is_text(payload:bytes()) then
            local shown = escaped(payload:bytes())
            generated(item, "data.text", payload, shown)
            summary = summary .. ': "' .. shown .. '"'
        else
            summary = summary .. string.format(", %d octets", len - signature)
        end
    end
    if signature > 0 then body:show("data.signature", signature) end
    return summary
end

readers[0x12] = function(body)
    local next = body:uint("sync.next", 4)
    local low = body:uint("sync.low", 4)
    show_estimates(body)
    body:show("sync.states", 1)
    return string.format(" next %d, low %d", next, low)
end

readers[0x13] = function(body)
    local target = show_target(body)
    local first = body:uint("nack.base", 4)
    body:show("nack.attempt", 1)
    local words = body:uint("nack.words", 1)
    if words < 1 or words > 8 or body:left() < 4 * words then error(BAD) end
    local count = 0
    for word = 0, words - 1 do
        local octets = body:take(4)
        local set = octets:uint()
        for n = 0, 31 do
            if set % 2 == 1 then
                generated(body.tree, "nack.missing", octets, (first + 32 * word + n) % 0x100000000)
                count = count + 1
            end
            set = math.floor(set / 2)
        end
    end
    return string.format(" of %s, %d missing from #%d", target, count, first)
end

readers[0x14] = function(body)
    local first = body:uint("skip.first", 4)
    return string.format(" %d from #%d", body:uint("skip.count", 2), first)
end

readers[0x15] = function(body)
    local sequence = body:uint("sequence", 4)
    body:show("ackreq.spread", 2)
    return string.format(" #%d", sequence)
end

readers[0x16] = function(body)
    local target = show_target(body)
    local since = body:uint("ack.since", 4)
    return string.format(" of %s, #%d to before #%d", target, since, body:uint("ack.next", 4))
end

readers[0x11] = function(body)
    local target = show_target(body)
    return string.format(" for %s, from #%d", target, body:uint("start.next", 4))
end

readers[0x17] = function(body) return " for the values of " .. show_target(body) end

-- Shows the frame at the beginning of `range`, and returns its length, a summary, and whether what follows may be
-- read.
local function read_frame(range, tree)
    local left = range:len()
    local kind = range:range(0, 1):uint()
    local name = frame_types[kind] or string.format("type %02x", kind)
    if left < FRAME_HEADER_LEN then
        local item = tree:add(groupcast, range, name)
        item:add(by_name["frame.type"], range:range(0, 1))
        if left > 1 then item:add(by_name["unread"], range:range(1)) end
        flag(item, "malformed", "a frame begins, and the datagram ends")
        return left, name .. " (malformed)", false
    end
    local len = range:range(2, 2):uint()
    local is_cut = len > left - FRAME_HEADER_LEN
    local whole = range:range(0, is_cut and left or FRAME_HEADER_LEN + len)
    local item = tree:add(groupcast, whole, name)
    item:add(by_name["frame.type"], range:range(0, 1))
    local flags = range:range(1, 1)
    item:add(by_name["frame.flags"], flags)
    item:add(by_name["frame.length"], range:range(2, 2))
    local body = whole:len() > FRAME_HEADER_LEN and whole:range(FRAME_HEADER_LEN) or nil
    if is_cut then
        if body then item:add(by_name["unread"], body) end
        flag(item, "malformed", "longer than the datagram")
        return left, name .. " (malformed)", false
    end
    local reader = readers[kind]
    if not reader then
        if body then item:add(by_name["frame.body"], body) end
        if kind >= FIRST_OPTIONAL then
            flag(item, "skipped")
            return whole:len(), name .. " (skipped)", true
        end
        flag(item, "unknown")
        return whole:len(), name .. " (unknown)", false
    end
    local is_read, summary = pcall(reader, Body.new(body, item), flags)
    if not is_read then
        if summary ~= BAD then error(summary) end
        flag(item, "malformed")
        return whole:len(), name .. " (malformed)", false
    end
    item:append_text(summary)
    return whole:len(), name .. summary, true
end

local function read_frames(range, tree, says)
    while range do
        local len, summary, goes_on = read_frame(range, tree)
        says[#says + 1] = summary
        range = len < range:len() and range:range(len) or nil
        if range and not goes_on then
            tree:add(by_name["unread"], range)
            return
        end
    end
end

-- Datagrams --------------------------------------------------------------------------------------------------

local function is_multicast(address)
    local text = tostring(address)
    local first = tonumber(text:match("^(%d+)%.%d+%.%d+%.%d+$"))
    if first then return first >= 224 and first <= 239 end
    return text:lower():match("^ff") ~= nil
end

function groupcast.dissector(buffer, pinfo, root)
    local len = buffer:len()
    -- Raw: not ours.
    if len == 0 or buffer(0, 1):uint() ~= MAGIC then return 0 end
    pinfo.cols.protocol = "Groupcast"
    local tree = root:add(groupcast, buffer())
    local says = {}

    local function done(flaw, from, detail)
        if flaw then
            flag(tree, flaw, detail)
            says[#says + 1] = "[" .. flaws[flaw][1] .. "]"
            if from < len then tree:add(by_name["unread"], buffer(from)) end
        end
        local text = table.concat(says, ", ")
        pinfo.cols.info = text
        tree:append_text(": " .. text)
        return len
    end

    local function show_header()
        says[1] = string.format("%08x", buffer(4, 4):uint())
        tree:add(by_name["tag"], buffer(2, 2))
        tree:add(by_name["sender"], buffer(4, 4))
        tree:add(by_name["session"], buffer(8, 8))
        -- The highest bit says whom it was sent to; the others are the number.
        tree:add(by_name["to_one"], buffer(16, 1), buffer(16, 1):bitfield(0, 1) == 1)
        tree:add(by_name["counter"], buffer(16, 6), buffer(16, 6):uint64():band(UInt64.new(0xffffffff, 0x7fff)))
    end

    tree:add(by_name["magic"], buffer(0, 1))
    if len < buffer:reported_len() then
        local detail = string.format("%d of %d octets are there", len, buffer:reported_len())
        local is_ours = len >= HEADER_LEN and buffer(1, 1):bitfield(0, 4) == VERSION
            and TRAILER_LEN[buffer(1, 1):bitfield(4, 4)] and buffer(4, 4):uint() ~= 0
        if not is_ours then return done("cut", 1, detail) end
        tree:add(by_name["version"], buffer(1, 1))
        tree:add(by_name["suite"], buffer(1, 1))
        show_header()
        return done("cut", HEADER_LEN, detail)
    end
    if len < HEADER_LEN + TRAILER_LEN[OPEN] then return done("truncated", 1) end
    local code = buffer(1, 1)
    tree:add(by_name["version"], code)
    if code:bitfield(0, 4) ~= VERSION then return done("version", 2) end
    local suite = code:bitfield(4, 4)
    tree:add(by_name["suite"], code)
    if not TRAILER_LEN[suite] then return done("suite", 2) end
    if len < HEADER_LEN + TRAILER_LEN[suite] then return done("truncated", 2) end
    if buffer(4, 4):uint() == 0 then return done("sender_zero", 2) end
    if buffer(17, 5):uint64() == UInt64(0) and buffer(16, 1):uint() % 128 == 0 then return done("number_zero", 2) end

    local trailer = buffer(len - TRAILER_LEN[suite])
    local frames = len > HEADER_LEN + trailer:len() and buffer(HEADER_LEN, len - HEADER_LEN - trailer:len()) or nil
    if suite == OPEN then
        local fits = crc32c(buffer(0, len - trailer:len()):bytes()) == trailer:uint()
        if not fits then
            local item = tree:add(by_name["checksum"], trailer)
            generated(item, "checksum_ok", trailer, false)
            return done("corrupt", 2)
        end
    end
    show_header()
    if suite == SEALED then
        says[2] = string.format("sealed, %d octets", frames and frames:len() or 0)
        if frames then tree:add(by_name["sealed"], frames) end
        tree:add(by_name["auth_tag"], trailer)
        return done()
    end
    read_frames(frames, tree, says)
    if not frames then says[2] = "no frame" end
    local item = tree:add(by_name["checksum"], trailer)
    generated(item, "checksum_ok", trailer, true)
    return done()
end

groupcast:register_heuristic("udp", function(buffer, pinfo, tree)
    if buffer:len() == 0 or buffer(0, 1):uint() ~= MAGIC then return false end
    if not is_multicast(pinfo.dst) then
        -- Other protocols' datagrams begin with this octet, too.
        if buffer:reported_len() < HEADER_LEN + TRAILER_LEN[OPEN] or buffer:len() < 2 then return false end
        local code = buffer(1, 1):uint()
        if code ~= VERSION * 16 + OPEN and code ~= VERSION * 16 + SEALED then return false end
    end
    groupcast.dissector(buffer, pinfo, tree)
    return true
end)

DissectorTable.get("udp.port"):add_for_decode_as(groupcast)
