import Foundation

/// An RTSP server that sends the pictures of an Annex B file over TCP as it is told to: with strange time stamps, with
/// packets left out, with parameter sets in odd places. A process of its own.
final class HandMadeCamera {
    static let isAvailable =
        TestMedia.isAvailable && FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

    private let server: ScriptedServer

    /// A camera that sends `film`; `settings` are the words of the script below.
    init(film: String, _ settings: [String: Any] = [:]) throws {
        var all = settings
        all["film"] = film
        all["codec"] = film.hasSuffix(".hevc") ? "hevc" : "h264"
        let data = try JSONSerialization.data(withJSONObject: all)
        server = try ScriptedServer("the camera", script: Self.script, [String(decoding: data, as: UTF8.self)])
    }

    var address: String { "rtsp://127.0.0.1:\(server.port)/film" }

    private static let script = #"""
        import base64, json, socket, struct, sys, threading, time

        spec = json.loads(sys.argv[1])
        codec = spec.get("codec", "h264")
        rate = spec.get("rate", 25)


        def units(path):
            """The access units of an Annex B file, each a list of units without start codes."""
            data = open(path, "rb").read()
            nals, at = [], data.find(b"\0\0\1")
            while at >= 0:
                end = data.find(b"\0\0\1", at + 3)
                nals.append(data[at + 3:end if end >= 0 else len(data)].rstrip(b"\0"))
                at = end
            result, coded = [[]], False
            for nal in nals:
                if codec == "h264":
                    kind = nal[0] & 31
                    is_slice, first, ends = kind in (1, 2, 5), nal[1] & 0x80, kind in (10, 11, 12)
                else:
                    kind = nal[0] >> 1 & 63
                    is_slice, first, ends = kind < 32, nal[2] & 0x80, kind in (36, 37, 38, 40)
                if coded and not ends and (not is_slice or first):
                    result.append([])
                    coded = False
                result[-1].append(nal)
                coded = coded or is_slice
            return result


        def is_parameters(nal):
            return (nal[0] & 31) in (7, 8) if codec == "h264" else (nal[0] >> 1 & 63) in (32, 33, 34)


        def payloads(nals):
            """What the packets of one picture hold."""
            most = spec.get("mtu", 1200)
            short, result = [], []

            def flush():
                if len(short) > 1 and spec.get("aggregate"):
                    head = bytes([24 | 0x60]) if codec == "h264" else bytes([48 << 1, 1])
                    result.append(head + b"".join(struct.pack("!H", len(n)) + n for n in short))
                else:
                    result.extend(short)
                short.clear()

            for nal in nals:
                if len(nal) <= most + 2:
                    if sum(map(len, short)) + len(nal) > most - 40:
                        flush()
                    short.append(nal)
                    continue
                flush()
                skip = 1 if codec == "h264" else 2
                body = nal[skip:]
                for at in range(0, len(body), most):
                    first, last = at == 0, at + most >= len(body)
                    flags = (0x80 if first else 0) | (0x40 if last else 0)
                    if codec == "h264":
                        head = bytes([nal[0] & 0xE0 | 28, flags | nal[0] & 31])
                    else:
                        head = bytes([nal[0] & 0x81 | 49 << 1, nal[1], flags | nal[0] >> 1 & 63])
                    result.append(head + body[at:at + most])
            flush()
            return result


        film = units(spec["film"])
        sets = [nal for unit in film for nal in unit if is_parameters(nal)]
        sets = list(dict.fromkeys(sets))
        if spec.get("sets") in ("sdp", "none"):
            film = [[nal for nal in unit if not is_parameters(nal)] for unit in film]
        if spec.get("sets") == "late":  # behind the picture that they belong to
            film = [[n for n in u if not is_parameters(n)] + [n for n in u if is_parameters(n)] for u in film]
        if spec.get("sets") == "often":
            film = [sets + [n for n in u if not is_parameters(n)] for u in film]


        def sdp():
            lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=film", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"]
            encoded = [base64.b64encode(nal).decode() for nal in sets]
            for track in range(spec.get("tracks", 1)):
                lines += ["m=video 0 RTP/AVP 96", f"a=control:track{track}"]
                lines += ["a=rtpmap:96 %s/90000" % ("H264" if codec == "h264" else "H265")]
                if spec.get("sets") in ("sdp", "both"):
                    if codec == "h264":
                        lines += ["a=fmtp:96 packetization-mode=1; sprop-parameter-sets=" + ",".join(encoded)]
                    else:
                        names = {32: "sprop-vps", 33: "sprop-sps", 34: "sprop-pps"}
                        lines += ["a=fmtp:96 " + "; ".join(
                            names[nal[0] >> 1 & 63] + "=" + text for nal, text in zip(sets, encoded))]
            if spec.get("audio"):
                lines += ["m=audio 0 RTP/AVP 8", "a=control:track9", "a=rtpmap:8 PCMA/8000"]
            return "\r\n".join(lines) + "\r\n"


        def play(connection, channels):
            sequence = [spec.get("sequence", 1000)] * len(channels)
            base = spec.get("start", 12345)
            step = spec.get("clock", 90000) // rate
            began = time.monotonic() - spec.get("first", 0) / rate
            jumped = 0
            shift = 0
            for number in range(spec.get("first", 0), spec.get("first", 0) + spec.get("count", 100000)):
                due = began + number / rate
                for halt, seconds in spec.get("halts", []):
                    if number == halt:
                        time.sleep(seconds)
                        began += seconds
                        if spec.get("keeps_time", True):
                            shift += int(seconds * 90000)
                time.sleep(max(0, due - time.monotonic()))
                index = number % len(film)
                stamp = base + shift + number * step
                for at, offset, stays in spec.get("jumps", []):
                    if number == at or (stays and number > at):
                        stamp += offset
                if spec.get("still"):
                    stamp = base
                if spec.get("repeats"):  # each stamp twice
                    stamp = base + shift + number // 2 * 2 * step
                packets = payloads(film[index])
                for track, channel in enumerate(channels):
                    for place, payload in enumerate(packets):
                        isLast = place == len(packets) - 1 and spec.get("marker", True)
                        lost = [number, place] in spec.get("loses", []) or number in spec.get("loses", [])
                        if not lost:
                            head = struct.pack("!BBHII", 0x80, 96 | (0x80 if isLast else 0), sequence[track] & 0xFFFF,
                                               stamp & 0xFFFFFFFF, 7 + track)
                            packet = head + payload
                            connection.sendall(struct.pack("!cBH", b"$", channel, len(packet)) + packet)
                        sequence[track] += 1
                for at, distance in spec.get("restarts", []):
                    if number == at:
                        sequence = [s + distance for s in sequence]
                if spec.get("reports") and number % rate == 0:
                    now = time.time() + 2208988800
                    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, int(now), int(now % 1 * 2**32), stamp & 0xFFFFFFFF, 0, 0)
                    connection.sendall(struct.pack("!cBH", b"$", channels[0] + 1, len(report)) + report)
            if spec.get("end") == "bye":
                connection.sendall(struct.pack("!cBH", b"$", channels[0] + 1, 16) + struct.pack("!BBHIBBHI", 0x80, 201, 1, 7, 0x81, 203, 1, 7))
                time.sleep(spec.get("linger", 0))
            if spec.get("end") == "teardown":
                connection.sendall(b"TEARDOWN rtsp://127.0.0.1/film RTSP/1.0\r\nCSeq: 99\r\nSession: 1\r\n\r\n")
                time.sleep(spec.get("linger", 0))
            connection.shutdown(socket.SHUT_RDWR)


        def serve(connection):
            try:
                channels, text = [], b""
                while True:
                    data = connection.recv(65536)
                    if not data:
                        return
                    text += data
                    while text[:1] == b"$":
                        length = struct.unpack("!H", text[2:4])[0] if len(text) >= 4 else 1 << 20
                        if len(text) < 4 + length:
                            break
                        text = text[4 + length:]
                    while b"\r\n\r\n" in text and text[:1] != b"$":
                        request, text = text.split(b"\r\n\r\n", 1)
                        lines = request.decode().split("\r\n")
                        verb = lines[0].split()[0]
                        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
                        more, body = "", ""
                        if verb == "OPTIONS":
                            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
                        elif verb == "DESCRIBE":
                            body = sdp()
                            more = f"Content-Base: {lines[0].split()[1]}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
                        elif verb == "SETUP":
                            channel = 2 * len(channels)
                            if "track9" not in lines[0]:
                                channels.append(channel)
                            more = f"Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}\r\n"
                        connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {headers['CSeq']}\r\nSession: 1\r\n{more}\r\n{body}".encode())
                        if verb == "PLAY":
                            threading.Thread(target=film_to, args=(connection, channels), daemon=True).start()
            except OSError:
                pass


        def film_to(connection, channels):
            try:
                play(connection, channels)
            except OSError:
                pass


        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", spec.get("port", 0)))
        server.listen(8)
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()
        """#
}
