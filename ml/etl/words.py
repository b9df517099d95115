"""The words that files use: months, and column names by field, in English, German, Dutch, Spanish and French."""

from __future__ import annotations

_MONTHS = (
    "jan january januar jänner januari ene enero janv janvier",
    "feb february februar februari febrero févr fév février",
    "mar march mär märz mrt maart marzo mars",
    "apr april abr abril avr avril",
    "may mai mei mayo",
    "jun june juni junio juin",
    "jul july juli julio juil juillet",
    "aug august augustus ago agosto août",
    "sep sept september septiembre septembre",
    "oct october okt oktober octubre octobre",
    "nov november noviembre novembre",
    "dec december dez dezember dic diciembre déc décembre",
)
MONTHS = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}

SYNONYMS: dict[str, str] = {
    "sale_date": """
        sale date|sales date|order date|invoice date|transaction date|posting date|document date|booking date
        trx date|date of sale|date|day|period|month|week|timestamp|datetime|order datetime|created at|ds
        verkaufsdatum|bestelldatum|auftragsdatum|rechnungsdatum|buchungsdatum|belegdatum|datum|tag|monat
        verkoopdatum|orderdatum|besteldatum|factuurdatum|boekingsdatum|maand|fecha de venta|fecha de pedido
        fecha de factura|fecha pedido|fecha factura|fecha venta|fecha|mes|date de vente|date de commande
        date de facture|date commande|date facture""",
    "region": """
        region|sales region|region name|country|country name|market|zone|land|region verkauf|vertriebsregion
        regio|verkoopregio|región|país|pais|mercado|région|pays""",
    "territory": """
        territory|sales territory|territory name|state|province|state province|state name|district|county
        subregion|sub region|bundesland|gebiet|vertriebsgebiet|verkaufsgebiet|kanton|provincie|gebied|rayon
        estado|provincia|territorio|département|territoire""",
    "area": """
        area|sales area|area name|city|town|store|store name|store id|shop|shop id|branch|branch id|outlet
        location|site|warehouse|plant|depot|agency|stadt|ort|filiale|markt|niederlassung|standort|werk|stad
        plaats|winkel|vestiging|filiaal|ciudad|tienda|sucursal|localidad|almacén|almacen|centro|ville|magasin
        agence""",
    "product_code": """
        product id|product code|product number|product no|sku|sku id|sku code|item id|item code|item number
        item no|item|article number|article no|article id|article code|article|part number|part no|material
        material number|material code|stock code|stockcode|ean|gtin|upc|product key|product|artikelnummer
        artikel nr|artikelnr|artikel|produktnummer|produkt id|produktcode|produkt|materialnummer|productcode
        productnummer|artikelcode|código de producto|codigo de producto|código producto|codigo producto|código
        codigo|producto|referencia|artículo|articulo|code produit|code article|produit""",
    "product_name": """
        product name|product description|item name|item description|article name|article description|description
        material description|sku name|sku description|product title|title|product|produktname|produktbezeichnung
        artikelbezeichnung|artikelname|bezeichnung|beschreibung|productnaam|artikelnaam|omschrijving
        productomschrijving|artikelomschrijving|nombre de producto|nombre del producto|nombre producto
        descripción|descripcion|nom du produit|désignation""",
    "category": """
        category|product category|category name|item category|department|product group|product family|family
        division|product line|line|industry|kategorie|produktkategorie|warengruppe|produktgruppe|artikelgruppe
        sparte|categorie|productcategorie|productgroep|artikelgroep|categoría|categoria|familia|catégorie
        famille""",
    "subcategory": """
        sub category|subcategory|product subcategory|product sub category|sub category name|class|product type
        subgroup|sub group|subfamily|item class|unterkategorie|untergruppe|warenuntergruppe|produktuntergruppe
        subcategorie|subgroep|subcategoría|subcategoria|subfamilia|sous catégorie|sous famille""",
    "customer_code": """
        customer id|customer code|customer number|customer no|customerid|client id|client code|account number
        account id|account no|buyer id|sold to|sold to party|kundennummer|kunden nr|kundennr|kunden id
        kundencode|debitor|klantnummer|klant id|klantcode|klantnr|debiteur|código de cliente|codigo de cliente
        id cliente|código cliente|codigo cliente|numéro client|code client""",
    "customer_name": """
        customer name|customer|client name|client|account name|buyer|buyer name|company name|kundenname|kunde
        klantnaam|klant|nombre del cliente|nombre de cliente|nombre cliente|cliente|nom du client""",
    "order_ref": """
        order id|order number|order no|order ref|order reference|order|invoice no|invoice number|invoice id
        invoice|document number|document no|receipt|receipt number|transaction id|transaction number|sales order
        so number|po number|voucher|auftragsnummer|bestellnummer|bestell nr|rechnungsnummer|rechnungs nr
        belegnummer|auftrag|ordernummer|bestelnummer|factuurnummer|bonnummer|número de pedido|numero de pedido
        pedido|número de factura|numero de factura|factura|numéro de commande|commande|numéro de facture|facture""",
    "channel": """
        channel|sales channel|distribution channel|segment|customer segment|market segment|order channel|source
        kanal|vertriebskanal|vertriebsweg|kundensegment|kanaal|verkoopkanaal|klantsegment|canal|canal de venta
        segmento|canal de vente""",
    "sales_amount": """
        sales amount|sales|net sales|net amount|sales value|sales total|revenue|net revenue|total sales|amount
        turnover|line total|line amount|order amount|invoice amount|total amount|total price|extended price
        net value|total value|total|value|gross sales|gross amount|sales usd|sales eur|y|umsatz|nettoumsatz
        verkaufsbetrag|nettobetrag|betrag|erlös|gesamtbetrag|gesamtpreis|summe|wert|omzet|netto omzet
        verkoopbedrag|nettobedrag|bedrag|totaalbedrag|totaal|ventas|venta|importe|importe neto|importe total
        monto|ingresos|montant|montant ht|chiffre d affaires|ventes""",
    "sales_qty": """
        quantity|qty|sales qty|sales quantity|quantity sold|qty sold|units|units sold|unit sales|order qty
        order quantity|quantity ordered|ordered quantity|invoiced quantity|item quantity|pieces|pcs|volume
        demand|menge|stückzahl|anzahl|stück|verkaufsmenge|absatz|aantal|hoeveelheid|stuks|cantidad|unidades
        quantité|qté""",
    "supplier": """
        supplier|supplier name|vendor|vendor name|supplier code|vendor code|supplier id|vendor id|lieferant
        kreditor|leverancier|proveedor|fournisseur|manufacturer""",
    "segment": "segment|customer segment|customer group|customer type|kundensegment|kundengruppe|klantsegment|segmento",
    "name": """
        name|product name|description|product description|item name|item description|title|bezeichnung
        artikelbezeichnung|produktname|naam|omschrijving|nombre|descripción|désignation|nom""",
    "customers.name": "name|customer name|company|company name|client name|account name|kundenname|firma|klantnaam"
    "|naam|nombre|nombre del cliente|nom|nom du client",
    "events.name": "name|event|event name|promotion|promo|campaign|holiday|description|title|bezeichnung|titel"
    "|nombre|nom",
    "regressors.name": "name|variable|indicator|figure|regressor|metric|measure|series|kennzahl|indicador|indicateur",
    "price": """
        price|list price|unit price|sales price|selling price|retail price|msrp|rrp|preis|listenpreis|verkaufspreis
        einzelpreis|prijs|verkoopprijs|precio|precio de venta|prix|prix de vente""",
    "cost": """
        cost|unit cost|cost price|purchase price|standard cost|kosten|einkaufspreis|einstandspreis|inkoopprijs
        kostprijs|coste|costo|precio de compra|coût|prix d achat""",
    "lead_time_days": """
        lead time days|lead time|leadtime|delivery days|delivery time|replenishment time|lieferzeit
        wiederbeschaffungszeit|levertijd|plazo de entrega|délai de livraison|délai""",
    "pack_size": """
        pack size|pack|package size|case size|units per pack|units per case|moq|order multiple|lot size|packungsgrösse
        gebinde|verpackungseinheit|ve|verpakking|tamaño de paquete|conditionnement""",
    "suppliers.lead_time_days": "lead time days|lead time|leadtime|delivery time|lieferzeit|levertijd|plazo de entrega",
    "place": "place|place name|location|location name|warehouse|store|site|lagerort|standort|locatie|ubicación|lieu",
    "supplied_by": "supplied by|supplying place|parent|parent location|source warehouse|served by|beliefert von",
    "transfer_days": "transfer days|transfer time|transit days|transit time|transportzeit|transporttijd",
    "order_days": "order days|ordering days|takes orders on|order weekdays|bestelltage|besteldagen|días de pedido",
    "delivery_days": "delivery days|delivers on|delivery weekdays|liefertage|leverdagen|días de entrega",
    "closed_days": "closed days|holidays|closures|closed on|schliesstage|betriebsferien|gesloten dagen|días de cierre",
    "minimum_order": """
        minimum order|minimum order value|min order value|mov|mindestbestellwert|minimale bestelwaarde|pedido mínimo
        commande minimale""",
    "free_freight_from": """
        free freight from|free shipping from|free shipping threshold|free delivery from|carriage paid from|frei haus ab
        frachtfrei ab|franco vanaf|portes pagados desde|franco de port""",
    "minimum_qty": """
        minimum quantity|minimum qty|min qty|minimum order quantity|moq|mindestmenge|mindestbestellmenge
        minimale hoeveelheid|cantidad mínima|quantité minimale""",
    "shelf_life_days": "shelf life days|shelf life|haltbarkeit|haltbarkeit tage|houdbaarheid|vida útil|durée de vie",
    "payment_terms_days": """
        payment terms days|payment terms|terms|net days|days to pay|zahlungsziel|zahlungsbedingungen|betalingstermijn
        condiciones de pago|plazo de pago|délai de paiement""",
    "credit_limit": "credit limit|limit|kreditlimit|kredietlimiet|límite de crédito|limite de crédit",
    "kind": "kind|type|event type|category|art|typ|soort|tipo",
    "starts_on": """
        starts on|start|start date|first day|from|from date|valid from|begin|begins on|date|day|ds|von|ab|beginn
        startdatum|gültig ab|datum|van|desde|fecha de inicio|inicio|fecha|début|date de début""",
    "ends_on": """
        ends on|end|end date|last day|to|to date|until|valid to|valid until|bis|ende|enddatum|gültig bis|tot|einddatum
        hasta|fecha de fin|fin|date de fin""",
    "value": "value|discount|amount|rate|figure|reading|wert|rabatt|waarde|korting|valor|descuento|valeur|remise|y",
    "day": """
        day|date|count date|stock date|snapshot date|as of|as of date|inventory date|ds|timestamp|period|week|month
        tag|datum|stichtag|zähldatum|dag|fecha|día|jour|date d inventaire""",
    "on_hand": """
        on hand|qty on hand|quantity on hand|on hand qty|stock|stock level|stock qty|stock on hand|inventory
        inventory level|available|quantity|qty|units|bestand|lagerbestand|menge|voorraad|aantal|existencias|stock actual
        inventario|cantidad|quantité""",
    "reserved": "reserved|qty reserved|allocated|committed|qty allocated|reserviert|gereserveerd|reservado|réservé",
    "stock.area": """
        area|warehouse|warehouse name|warehouse code|warehouse id|location|store|store id|shop|site|plant|depot|branch
        lager|lagerort|filiale|standort|werk|magazijn|filiaal|almacén|tienda|entrepôt|magasin""",
    "purchase_orders.order_ref": """
        order ref|po number|po no|po|purchase order|purchase order number|purchase order no|order number|order no
        order id|order|document number|bestellnummer|bestellung|bestelnummer|inkooporder|pedido|orden de compra
        commande|numéro de commande""",
    "job_orders.order_ref": """
        order ref|job order|job number|job no|job|work order|work order number|production order|order number|order no
        order id|order|wo|auftrag|fertigungsauftrag|auftragsnummer|werkorder|productieorder|orden de trabajo
        ordre de fabrication""",
    "line_ref": "line ref|line|line no|line number|line id|position|pos|item no|row|zeile|regel|línea|ligne",
    "ordered_on": """
        ordered on|order date|po date|purchase date|ordered|date ordered|document date|created at|bestelldatum
        besteldatum|orderdatum|fecha de pedido|date de commande""",
    "expected_on": """
        expected on|expected date|expected|due date|promised date|delivery date|expected delivery|eta|requested date
        liefertermin|wunschtermin|leverdatum|fecha de entrega|fecha prevista|date de livraison prévue""",
    "received_on": """
        received on|received date|receipt date|date received|delivered on|delivered date|goods receipt date
        wareneingang|eingangsdatum|geliefert am|ontvangstdatum|fecha de recepción|date de réception""",
    "qty_ordered": """
        qty ordered|quantity ordered|ordered qty|ordered quantity|order qty|order quantity|ordered|quantity|qty
        bestellmenge|menge|besteld aantal|aantal|cantidad pedida|cantidad|quantité commandée|quantité""",
    "qty_received": """
        qty received|quantity received|received qty|received quantity|delivered qty|delivered quantity|received
        gelieferte menge|liefermenge|ontvangen aantal|cantidad recibida|quantité reçue""",
    "unit_cost": "unit cost|cost|unit price|price|purchase price|einkaufspreis|einzelpreis|inkoopprijs|coste|prix",
    "status": "status|state|order status|estado|statut|toestand",
    "needed_on": """
        needed on|needed|required date|required on|requirement date|due date|start date|consumption date|issue date
        posting date|date|day|bedarfstermin|bedarfsdatum|datum|benodigd op|fecha requerida|fecha|date de besoin""",
    "qty": """
        qty|quantity|required qty|required quantity|qty required|qty needed|consumed qty|qty consumed|consumption|units
        menge|bedarfsmenge|verbrauch|aantal|cantidad|quantité""",
    "invoice_ref": """
        invoice ref|invoice number|invoice no|invoice id|invoice|document number|document no|bill number
        rechnungsnummer|rechnungs nr|rechnung|belegnummer|factuurnummer|factuur|número de factura|numero de factura
        factura|numéro de facture|facture""",
    "issued_on": """
        issued on|invoice date|issue date|date issued|document date|billing date|posting date|date|rechnungsdatum
        belegdatum|factuurdatum|fecha de factura|fecha factura|fecha de emisión|date de facture""",
    "due_on": """
        due on|due date|due|payment due|payment due date|net due date|fällig am|fälligkeit|fälligkeitsdatum|vervaldatum
        fecha de vencimiento|vencimiento|échéance|date d échéance""",
    "terms_days": """
        terms days|terms|payment terms|net days|days|zahlungsziel|zahlungsbedingungen|betalingstermijn
        condiciones de pago|plazo de pago|délai de paiement""",
    "settled_on": """
        settled on|settled date|settlement date|settled|clearing date|cleared on|paid on|paid date|date paid
        payment date|bezahlt am|ausgleichsdatum|zahlungsdatum|betaald op|betaaldatum|fecha de pago|date de paiement""",
    "amount": """
        amount|invoice amount|total amount|amount due|total|invoice total|gross amount|net amount|balance|value
        rechnungsbetrag|betrag|gesamtbetrag|factuurbedrag|bedrag|importe|importe total|monto|montant|montant ttc""",
    "payments.amount": """
        amount|payment amount|amount paid|paid amount|paid|payment|value|zahlungsbetrag|betrag|betaald bedrag|bedrag
        importe|importe pagado|monto|montant""",
    "currency": "currency|currency code|curr|cur|währung|valuta|munt|moneda|divisa|devise|monnaie",
    "invoices.region": """
        region|country|country name|country code|sales region|market|zone|land|ländercode|regio
        región|país|pais|pays""",
    "invoices.category": "category|product category|product group|kategorie|warengruppe|categorie|categoría|catégorie",
    "disputed": "disputed|dispute|in dispute|is disputed|contested|strittig|betwist|disputada|en disputa|contesté",
    "disputed_on": "disputed on|dispute date|disputed since|dispute opened|strittig seit|betwist op|fecha de disputa",
    "paperless": "paperless|paperless bill|paperless billing|e invoice|electronic|electronic invoice|papierlos"
    "|e factura",
    "payment_ref": """
        payment ref|payment number|payment no|payment id|payment|transaction id|receipt number|reference|zahlung
        zahlungsnummer|betaling|betalingskenmerk|pago|referencia|paiement""",
    "item_ref": """
        item ref|item|reference|document number|document no|bill number|bill no|supplier invoice|belegnummer|referenz
        referentie|referencia|référence""",
    "cash_items.day": """
        day|date|due date|due on|payment date|pay date|planned on|value date|datum|fälligkeit|vervaldatum|fecha
        fecha de pago|échéance""",
    "cash_items.name": "name|supplier|vendor|payee|description|purpose|text|lieferant|zweck|leverancier|proveedor|nom",
    "paid_on": """
        paid on|payment date|paid date|date paid|date|posting date|value date|booking date|receipt date|zahlungsdatum
        bezahlt am|valuta|betaaldatum|betaald op|fecha de pago|fecha|date de paiement""",
}
"""Column names by field, best first, as `simplify` leaves them but for accents; `dataset.field` goes before `field`."""

UNIT_PRICE = """
    unit price|price|price per unit|price each|sales price|selling price|item price|net price|einzelpreis|stückpreis
    verkaufspreis|preis|stuksprijs|verkoopprijs|prijs|precio unitario|precio|prix unitaire|prix"""
"""What a quantity is multiplied by where no column holds the amount."""

LOOSE: dict[str, str] = {
    "sale_date": r"\b(date|datum|fecha)\b|(datum|date)$",
    "sales_amount": r"\b(amount|revenue|turnover|ventas|importe)\b|(umsatz|omzet|betrag|bedrag)$",
    "sales_qty": r"\b(qty|quantity|units|cantidad)\b|(menge|aantal)$",
}
"""What names a field when no synonym does, unless NEVER rules it out."""

NEVER: dict[str, str] = {
    "sale_date": "ship|deliver|due|birth|settle|pay|expir|valid|updat|modif|liefer|fallig|lever|verval|entrega|vencim",
    "sales_amount": "tax|vat|discount|cost|profit|margin|unit|commission|freight|steuer|rabatt|kosten|korting|impuesto",
    "sales_qty": "price|cost|stock|return|open|backlog|measure",
}
